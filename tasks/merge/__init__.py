"""The merge stage: one model made of a base and what was trained on it, compared with the trained model.

plan: every tensor and where its bytes are. write: the stage's steps and facts. stored_tensors: bytes of each tensor on
disk. tensor_names, architecture: the names and shapes of the model. adapter, fold, row_slices: adapters added by PEFT.
stream: tensors read, cast and written block by block. shards, finished: the weight files, and resuming an interrupted
merge. logit_check: the comparison.
"""
