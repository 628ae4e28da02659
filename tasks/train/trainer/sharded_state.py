"""Sharded weights and moments on disk, in the layout of accelerate and axolotl, saved and loaded strictly.

Every rank calls these functions at the same time.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from tasks.train.errors import StateRefused
from tasks.train.trainer import work_files
from tasks.train.trainer.sharded_index import check_index

STRICT = StateDictOptions(strict=True)


class _Writer(FileSystemWriter):
    """Leaves the folder's path and a random id out of `.metadata`: the same weights give the same bytes."""

    def storage_meta(self) -> None:
        return None


def save_sharded(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Write weights and moments, each rank its own.

    Args:
        model: Its parameters are DTensors.
        optimizer: Over the same parameters.
        folder: Receives `pytorch_model_fsdp_0/` and `optimizer_0/`, which accelerate can read too.
    """
    weights, moments = get_state_dict(model, optimizer, options=STRICT)
    _save({"model": weights}, folder / work_files.SHARDED)
    _save({"optimizer": moments}, folder / work_files.SHARDED_OPTIMIZER)


def save_final(model: nn.Module, folder: Path) -> None:
    """Write the weights alone into `pytorch_model_fsdp_0/`, by their names in the model."""
    _save(get_model_state_dict(model, options=STRICT), folder / work_files.SHARDED)


def load_sharded(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Read what `save_sharded` wrote into a model and an optimizer of the same shapes, on any number of ranks.

    The optimizer's groups (learning rates, betas) stay as they were built: in the files they are pickles.

    Args:
        model: Its parameters are DTensors.
        optimizer: Over the same parameters; may not have taken a step yet.
        folder: As for `save_sharded`.

    Raises:
        StateRefused: If a tensor is missing, not expected, or of another shape or dtype; nothing is loaded then.
        CheckpointUnreadable: If a file is missing or cut, or the index asks for more than tensors.
    """
    weights, moments = get_state_dict(model, optimizer, options=STRICT)
    wanted: dict[str, dict[str, Any]] = {
        work_files.SHARDED: {"model": weights},
        work_files.SHARDED_OPTIMIZER: {"optimizer": {"state": moments["state"]}},
    }
    for name, state in wanted.items():
        check_index(_by_name(state), folder / name)
    _check_in_place(optimizer, moments["state"])
    for name, state in wanted.items():
        load(state, storage_reader=FileSystemReader(folder / name))
    # Moments were read in place. `set_state_dict` would cast them to the weights' format, but with stochastic rounding
    # weights are bf16 and moments fp32.
    set_model_state_dict(model, weights, options=STRICT)


def _check_in_place(optimizer: torch.optim.Optimizer, moments: Any) -> None:
    """Check that reading will fill the optimizer's own tensors, not copies."""
    own = {id(value) for state in optimizer.state.values() for value in state.values()}
    if own != {id(value) for state in moments.values() for value in state.values()}:
        raise StateRefused(f"{type(optimizer).__name__} returns copies of its moments, which cannot be read into.")


def _save(state: dict[str, Any], folder: Path) -> None:
    save(state, storage_writer=_Writer(folder))


def _by_name(state: dict[str, Any], prefix: str = "") -> dict[str, Tensor]:
    """Tensors of nested mappings by their dotted names, as torch.distributed.checkpoint names them."""
    tensors: dict[str, Tensor] = {}
    for key, value in state.items():
        name = f"{prefix}{key}"
        tensors |= _by_name(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return tensors
