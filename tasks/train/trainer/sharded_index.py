"""Checks, before any tensor is read, that a sharded checkpoint has exactly the expected tensors."""

from pathlib import Path

from torch import Tensor

from tasks.checkpoints.dcp import ShardedTensor, read_metadata
from tasks.checkpoints.dtypes import TORCH_DTYPES
from tasks.train.errors import StateRefused

MOST_NAMED = 5
WAY_OUT = "Remove the state: the run then resumes from the one before it, or starts anew."
GROUPS = "optimizer.param_groups."
"""Learning rates, betas and the like, which are pickles: they are never read, because the run's settings have them."""


def check_index(wanted: dict[str, Tensor], folder: Path) -> None:
    """Compare a checkpoint's index with the tensors to read.

    Args:
        wanted: Tensors by name; shapes are those of the whole tensors.
        folder: Checkpoint of torch.distributed.checkpoint.

    Raises:
        StateRefused: If names, shapes or dtypes differ.
        CheckpointUnreadable: If a file is missing or cut, a tensor's part is missing, or the index asks for more.
    """
    index = read_metadata(folder, as_saved=True)
    stored = {name for name in (*index.tensors, *index.others) if not name.startswith(GROUPS)}
    _check_no_names(folder, "lacks", sorted(wanted.keys() - stored))
    _check_no_names(folder, "has unexpected", sorted(stored - wanted.keys()))
    _check_no_names(folder, "holds as pickles", sorted(stored & set(index.others)))
    for name, tensor in wanted.items():
        _check_tensor(folder, tensor, index.tensors[name])


def _check_tensor(folder: Path, tensor: Tensor, stored: ShardedTensor) -> None:
    dtype = TORCH_DTYPES[str(tensor.dtype).removeprefix("torch.")]
    if (dtype, tuple(tensor.shape)) != (stored.dtype, tuple(stored.shape)):
        raise StateRefused(
            f"{folder.name} holds {stored.name} as {stored.dtype} of shape {tuple(stored.shape)}, {dtype} of shape "
            f"{tuple(tensor.shape)} is expected. {WAY_OUT}"
        )


def _check_no_names(folder: Path, how: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        raise StateRefused(f"{folder.name} {how} {', '.join(names[:MOST_NAMED])}{more}. {WAY_OUT}")
