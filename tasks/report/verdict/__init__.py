"""The verdict in words: five questions a risk committee asks, and what the scores answer.

Every sentence is made of figures of the scores and of the premium stage's own conclusions: nothing is concluded here.
answer: all five. leakage: what the models' differences say. shares: shared days and lookahead. intervals: what could be
found, and which interval is to be trusted. study: the scores as the answers read them.
"""
