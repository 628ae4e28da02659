"""Reading checkpoints without torch and without running their pickles.

dcp: sharded checkpoints of torch.distributed.checkpoint. dcp_metadata: the classes its metadata may name.
torch_save: where a tensor's bytes lie in a `torch.save` file. restricted_pickle: unpickling with an allow list.
"""
