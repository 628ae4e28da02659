"""The weights, moments and schedule of an unsharded training as files, restored to the bit or not at all.

`adapter.safetensors` holds every trainable parameter by its name in the model; `optimizer.safetensors` every tensor the
optimizer keeps of it, as `name/entry`; `optimizer.json` what it keeps of which parameter, and its groups. No pickles.

This file runs in the trainer's environment: it imports neither Prefect nor the rooms' configs.
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
MOST_NAMED = 3


def save_weights(model: torch.nn.Module, folder: Path) -> None:
    """Write every trainable parameter."""
    save_file(_on_cpu(trainable(model)), folder / ADAPTER)


def load_weights(model: torch.nn.Module, folder: Path) -> None:
    """Set every trainable parameter.

    Raises:
        StateRefused: If a parameter is missing, not of the model, or of another shape or dtype. None is set then.
    """
    parameters, found = trainable(model), load_file(folder / ADAPTER)
    _refuse_other_names(ADAPTER, parameters, found)
    for name, parameter in parameters.items():
        _refuse_other_form(ADAPTER, name, found[name], parameter)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(found[name])


def save_optimizer(model: torch.nn.Module, optimizer: Optimizer, folder: Path) -> None:
    """Write what the optimizer keeps of each parameter, and its groups."""
    entries, tensors = dict[str, dict[str, Any]](), dict[str, torch.Tensor]()
    for name, parameter in trainable(model).items():
        kept = optimizer.state.get(parameter, {})
        entries[name] = {entry: None if torch.is_tensor(value) else value for entry, value in kept.items()}
        tensors |= {f"{name}/{entry}": value for entry, value in kept.items() if torch.is_tensor(value)}
    save_file(_on_cpu(tensors), folder / OPTIMIZER)
    told = {"entries": entries, "groups": _groups(model, optimizer)}
    (folder / OPTIMIZER_ENTRIES).write_text(json.dumps(told))


def load_optimizer(model: torch.nn.Module, optimizer: Optimizer, folder: Path) -> None:
    """Set what the optimizer keeps of each parameter; the groups' learning rates are the schedule's to set.

    Raises:
        StateRefused: If parameters, entries, shapes, dtypes or the groups' other options differ.
    """
    told = json.loads((folder / OPTIMIZER_ENTRIES).read_text())
    entries, parameters = told["entries"], trainable(model)
    _refuse_other_names(OPTIMIZER_ENTRIES, parameters, entries)
    tensors = load_file(folder / OPTIMIZER)
    expected = [f"{name}/{entry}" for name, kept in entries.items() for entry, value in kept.items() if value is None]
    _refuse_other_names(OPTIMIZER, expected, tensors)
    for name, tensor in tensors.items():
        parameter, _, entry = name.rpartition("/")
        if entry in LIKE_THE_PARAMETER:
            _refuse_other_form(OPTIMIZER, name, tensor, parameters[parameter])
    _refuse_other_groups(_groups(model, optimizer), told["groups"])
    optimizer.load_state_dict(_as_torch_spells_it(model, optimizer, tensors, told))


def save_scheduler(scheduler: LRScheduler, folder: Path) -> None:
    """Write where the schedule stands."""
    (folder / SCHEDULER).write_text(json.dumps(scheduler.state_dict(), indent=1) + "\n")


def load_scheduler(scheduler: LRScheduler, folder: Path, step: int) -> None:
    """Set where the schedule stands, and its learning rate in each group of its optimizer.

    Raises:
        StateRefused: If it is a schedule of another form or peak, or stands at another step.
    """
    state, ours = json.loads((folder / SCHEDULER).read_text()), scheduler.state_dict()
    _refuse_other_names(SCHEDULER, ours, state)
    for name, expected in {"base_lrs": ours["base_lrs"], "last_epoch": step}.items():
        if state[name] != expected:
            raise StateRefused(f"{SCHEDULER} of the training state has {name}={state[name]}, {expected} was expected.")
    scheduler.load_state_dict(state)
    for group, rate in zip(scheduler.optimizer.param_groups, state["_last_lr"], strict=True):
        group[RATE] = rate


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Trainable parameters by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _on_cpu(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    on_cpu, seen = {}, set()
    for name, tensor in tensors.items():
        ours = tensor.detach().cpu().contiguous()
        # bitsandbytes keeps one table of values for all parameters; safetensors takes no tensor twice.
        on_cpu[name] = ours.clone() if ours.data_ptr() in seen else ours
        seen.add(ours.data_ptr())
    return on_cpu


def _groups(model: torch.nn.Module, optimizer: Optimizer) -> list[dict[str, Any]]:
    """Each group's options and the names of its parameters, as JSON gives them back."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [
        {"options": {key: value for key, value in group.items() if key != "params"}}
        | {"names": [names[id(parameter)] for parameter in group["params"]]}
        for group in optimizer.param_groups
    ]
    spelled: list[dict[str, Any]] = json.loads(json.dumps(groups, default=str))
    return spelled


def _refuse_other_groups(ours: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    def without_rate(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            group | {"options": {key: value for key, value in group["options"].items() if key != RATE}}
            for group in groups
        ]

    for n_group, (mine, theirs) in enumerate(zip(without_rate(ours), without_rate(found), strict=False)):
        _refuse_other_names(f"group {n_group} in {OPTIMIZER_ENTRIES}", mine["names"], theirs["names"])
        if mine["options"] != theirs["options"]:
            raise StateRefused(
                f"group {n_group} in {OPTIMIZER_ENTRIES} of the training state has the options {theirs['options']}, "
                f"the optimizer has {mine['options']}."
            )
    if len(ours) != len(found):
        raise StateRefused(f"{OPTIMIZER_ENTRIES} of the training state has {len(found)} groups, not {len(ours)}.")


def _as_torch_spells_it(
    model: torch.nn.Module, optimizer: Optimizer, tensors: Mapping[str, torch.Tensor], told: dict[str, Any]
) -> dict[str, Any]:
    # Its own loading puts each tensor on the device where this optimizer keeps it.
    spelled: dict[str, Any] = optimizer.state_dict()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    spelled["state"] = {}
    for ours, group in zip(spelled["param_groups"], optimizer.param_groups, strict=True):
        for number, parameter in zip(ours["params"], group["params"], strict=True):
            name = names[id(parameter)]
            if kept := told["entries"][name]:
                spelled["state"][number] = {
                    entry: tensors[f"{name}/{entry}"] if value is None else value for entry, value in kept.items()
                }
    return spelled


def _refuse_other_names(file: str, expected: Iterable[str], found: Iterable[str]) -> None:
    missing, unexpected = sorted({*expected} - {*found}), sorted({*found} - {*expected})
    if missing or unexpected:
        faults = [f"lacks {_some(missing)}"] * bool(missing) + [f"has an unexpected {_some(unexpected)}"] * bool(
            unexpected
        )
        raise StateRefused(
            f"{file} of the training state {' and '.join(faults)}; nothing is loaded. Forget that state "
            "(python -m tasks.store forget) to go on from the one before it."
        )


def _refuse_other_form(file: str, name: str, found: torch.Tensor, parameter: torch.Tensor) -> None:
    if (found.shape, found.dtype) != (parameter.shape, parameter.dtype):
        raise StateRefused(
            f"{name} in {file} of the training state is {found.dtype} {list(found.shape)}, the model's is "
            f"{parameter.dtype} {list(parameter.shape)}; nothing is loaded."
        )


def _some(names: list[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
