"""Reading checkpoints without torch and without running their pickles. Standard library only: both environments use it.

dcp: sharded checkpoints of torch.distributed.checkpoint. torch_save: offset of a tensor's data in a `torch.save` file.
restricted_pickle: unpickling with an allow list. dtypes: names and sizes of number formats.
"""
