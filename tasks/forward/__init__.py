"""Forward passes of a model folder, for the stages that read states or probabilities from one.

`load`: a model with all of its weights. `batches`: texts of similar length together, computed side by side.
"""
