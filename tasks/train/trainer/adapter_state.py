"""Weights, moments and schedule of an unsharded training as files, restored exactly or not at all.

`adapter.safetensors` has every trainable parameter by its name in the model; `optimizer.safetensors` the optimizer's
tensors of each, as `name/entry`; `optimizer.json` the other entries, and the groups. There are no pickles.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from tasks.train.errors import StateRefused
from tasks.train.trainer.state_files import ADAPTER, OPTIMIZER, OPTIMIZER_ENTRIES, SCHEDULER

LIKE_THE_PARAMETER = ("exp_avg", "exp_avg_sq")
RATE = "lr"
"""The one option of a group that changes while training goes on."""
MAX_NAMED = 3


def save_weights(model: torch.nn.Module, folder: Path) -> None:
    """Write every trainable parameter."""
    save_file(_on_cpu(trainable(model)), folder / ADAPTER)


def load_weights(model: torch.nn.Module, folder: Path) -> None:
    """Set every trainable parameter.

    Raises:
        StateRefused: If a parameter is missing, unknown, or of another shape or dtype. Then none is set.
    """
    parameters, found = trainable(model), load_file(folder / ADAPTER)
    _check_names(ADAPTER, parameters, found)
    for name, parameter in parameters.items():
        _check_form(ADAPTER, name, found[name], parameter)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(found[name])


def save_optimizer(model: torch.nn.Module, optimizer: Optimizer, folder: Path) -> None:
    """Write the optimizer's state of each parameter, and its groups."""
    entries, tensors = dict[str, dict[str, Any]](), dict[str, torch.Tensor]()
    for name, parameter in trainable(model).items():
        kept = optimizer.state.get(parameter, {})
        entries[name] = {entry: None if torch.is_tensor(value) else value for entry, value in kept.items()}
        tensors |= {f"{name}/{entry}": value for entry, value in kept.items() if torch.is_tensor(value)}
    save_file(_on_cpu(tensors), folder / OPTIMIZER)
    written = {"entries": entries, "groups": _groups(model, optimizer)}
    (folder / OPTIMIZER_ENTRIES).write_text(json.dumps(written))


def load_optimizer(model: torch.nn.Module, optimizer: Optimizer, folder: Path) -> None:
    """Set the optimizer's state of each parameter; the schedule sets the groups' learning rates.

    Raises:
        StateRefused: If parameters, entries, shapes, dtypes or the groups' other options differ.
    """
    saved = json.loads((folder / OPTIMIZER_ENTRIES).read_text())
    entries, parameters = saved["entries"], trainable(model)
    _check_names(OPTIMIZER_ENTRIES, parameters, entries)
    tensors = load_file(folder / OPTIMIZER)
    expected = [f"{name}/{entry}" for name, kept in entries.items() for entry, value in kept.items() if value is None]
    _check_names(OPTIMIZER, expected, tensors)
    for name, tensor in tensors.items():
        parameter, _, entry = name.rpartition("/")
        if entry in LIKE_THE_PARAMETER:
            _check_form(OPTIMIZER, name, tensor, parameters[parameter])
    _check_groups(_groups(model, optimizer), saved["groups"])
    optimizer.load_state_dict(_torch_state_dict(model, optimizer, tensors, entries))


def save_scheduler(scheduler: LRScheduler, folder: Path) -> None:
    """Write the schedule's position."""
    # Torchao's optimizers keep learning rates as tensors, and so does the schedule over them.
    (folder / SCHEDULER).write_text(json.dumps(scheduler.state_dict(), indent=1, default=float) + "\n")


def load_scheduler(scheduler: LRScheduler, folder: Path, step: int) -> None:
    """Set the schedule's position, and its learning rate in each group of its optimizer.

    Raises:
        StateRefused: If the schedule has another form or peak, or is at another step.
    """
    state, ours = json.loads((folder / SCHEDULER).read_text()), scheduler.state_dict()
    _check_names(SCHEDULER, ours, state)
    for name, expected in {"base_lrs": [float(rate) for rate in ours["base_lrs"]], "last_epoch": step}.items():
        if state[name] != expected:
            raise StateRefused(f"{SCHEDULER} of the training state has {name}={state[name]}, {expected} was expected.")
    scheduler.load_state_dict(state | {"base_lrs": ours["base_lrs"]})
    for group, rate in zip(scheduler.optimizer.param_groups, state["_last_lr"], strict=True):
        if isinstance(group[RATE], torch.Tensor):
            group[RATE].fill_(rate)
        else:
            group[RATE] = rate


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Trainable parameters by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _on_cpu(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    on_cpu, seen = {}, set()
    for name, tensor in tensors.items():
        ours = tensor.detach().cpu().contiguous()
        # bitsandbytes keeps one table of values for all parameters; safetensors refuses to save a tensor twice.
        on_cpu[name] = ours.clone() if ours.data_ptr() in seen else ours
        seen.add(ours.data_ptr())
    return on_cpu


def _groups(model: torch.nn.Module, optimizer: Optimizer) -> list[dict[str, Any]]:
    """Each group's options and the names of its parameters, as JSON returns them."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [
        {"options": {key: value for key, value in group.items() if key != "params"}}
        | {"names": [names[id(parameter)] for parameter in group["params"]]}
        for group in optimizer.param_groups
    ]
    decoded: list[dict[str, Any]] = json.loads(json.dumps(groups, default=str))
    return decoded


def _check_groups(ours: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    def without_rate(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            group | {"options": {key: value for key, value in group["options"].items() if key != RATE}}
            for group in groups
        ]

    for n_group, (mine, theirs) in enumerate(zip(without_rate(ours), without_rate(found), strict=False)):
        _check_names(f"group {n_group} in {OPTIMIZER_ENTRIES}", mine["names"], theirs["names"])
        if mine["options"] != theirs["options"]:
            raise StateRefused(
                f"group {n_group} in {OPTIMIZER_ENTRIES} of the training state has the options {theirs['options']}, "
                f"the optimizer has {mine['options']}."
            )
    if len(ours) != len(found):
        raise StateRefused(f"{OPTIMIZER_ENTRIES} of the training state has {len(found)} groups, not {len(ours)}.")


def _torch_state_dict(
    model: torch.nn.Module,
    optimizer: Optimizer,
    tensors: Mapping[str, torch.Tensor],
    entries: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The saved state in torch's own layout; torch's loading moves each tensor to the optimizer's device."""
    state_dict: dict[str, Any] = optimizer.state_dict()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    state_dict["state"] = {}
    for ours, group in zip(state_dict["param_groups"], optimizer.param_groups, strict=True):
        for number, parameter in zip(ours["params"], group["params"], strict=True):
            name = names[id(parameter)]
            if kept := entries[name]:
                state_dict["state"][number] = {
                    entry: tensors[f"{name}/{entry}"] if value is None else value for entry, value in kept.items()
                }
    return state_dict


def _check_names(file: str, expected: Iterable[str], found: Iterable[str]) -> None:
    missing, unexpected = sorted({*expected} - {*found}), sorted({*found} - {*expected})
    if missing or unexpected:
        faults = [f"lacks {_some(missing)}"] * bool(missing) + [f"has an unexpected {_some(unexpected)}"] * bool(
            unexpected
        )
        raise StateRefused(
            f"{file} of the training state {' and '.join(faults)}; nothing is loaded. Forget that state "
            "(`hindsight store forget`) to resume from the one before it."
        )


def _check_form(file: str, name: str, found: torch.Tensor, parameter: torch.Tensor) -> None:
    if (found.shape, found.dtype) != (parameter.shape, parameter.dtype):
        raise StateRefused(
            f"{name} in {file} of the training state is {found.dtype} {list(found.shape)}, the model's is "
            f"{parameter.dtype} {list(parameter.shape)}; nothing is loaded."
        )


def _some(names: list[str]) -> str:
    rest = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")
