"""The verification card: claims about a run, each with what a record or an artifact says of it.

card: the list. evidence: what it is read from. data: claims about corpus, training and merge. figures: about splits,
draws and checks.
"""
