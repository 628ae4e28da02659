"""Weights, moments, schedule and chance come back to the bit; what does not fit is refused by its name."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import get_scheduler

from tasks.train.errors import StateRefused
from tasks.train.trainer.adapter_state import (
    load_optimizer,
    load_scheduler,
    load_weights,
    save_optimizer,
    save_scheduler,
    save_weights,
)
from tasks.train.trainer.rng import restore_rng, save_rng


@dataclass
class Training:
    """Two trained layers around a frozen one, in two groups, under a falling learning rate."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler

    @classmethod
    def started(cls, seed: int, **options: float) -> "Training":
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8), nn.Dropout(0.3), nn.Linear(8, 2))
        model[1].requires_grad_(requires_grad=False)
        groups = [{"params": list(model[0].parameters())}, {"params": list(model[3].parameters()), "lr": 0.003}]
        optimizer = torch.optim.AdamW(groups, lr=0.01, **options)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
        return cls(model, optimizer, scheduler)

    def take_steps(self, n_steps: int) -> list[float]:
        """Losses of steps whose inputs and dropout are drawn."""
        losses = []
        for _ in range(n_steps):
            loss = self.model(torch.randn(5, 4)).square().mean()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            self.optimizer.zero_grad()
            losses.append(loss.item())
        return losses

    def save(self, folder: Path) -> None:
        save_weights(self.model, folder)
        save_optimizer(self.model, self.optimizer, folder)
        save_scheduler(self.scheduler, folder)
        save_rng(folder, 0)

    def load(self, folder: Path, step: int = 3) -> None:
        load_weights(self.model, folder)
        load_optimizer(self.model, self.optimizer, folder)
        load_scheduler(self.scheduler, folder, step)
        restore_rng(folder, 0)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A state after three steps."""
    training = Training.started(seed=1)
    training.take_steps(3)
    training.save(tmp_path)
    return tmp_path


def test_a_restored_training_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = Training.started(seed=1)
    whole.take_steps(3)
    whole.save(tmp_path)
    expected = whole.take_steps(4), np.random.random(), torch.rand(3)
    resumed = Training.started(seed=1)
    resumed.take_steps(1)
    resumed.load(tmp_path)
    assert resumed.take_steps(4) == expected[0]
    assert np.random.random() == expected[1]
    assert torch.equal(torch.rand(3), expected[2])
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True))
    assert [group["lr"] for group in resumed.optimizer.param_groups] == whole.scheduler.get_last_lr()


def test_frozen_weights_are_not_in_a_state_and_no_file_is_a_pickle(saved: Path) -> None:
    assert sorted(load_file(saved / "adapter.safetensors")) == ["0.bias", "0.weight", "3.bias", "3.weight"]
    assert sorted({path.suffix for path in saved.iterdir()}) == [".json", ".safetensors"]


@pytest.mark.parametrize(
    ("file", "name", "tensor", "sentence"),
    [
        ("adapter", "3.bias", None, r"adapter\.safetensors of the training state lacks 3\.bias; nothing is loaded"),
        ("optimizer", "0.bias/exp_avg", None, r"lacks 0\.bias/exp_avg"),
        ("optimizer", "0.bias/step", None, r"lacks 0\.bias/step"),
        ("adapter", "1.weight", torch.zeros(8, 8), r"has an unexpected 1\.weight"),
        ("optimizer", "3.bias/other", torch.zeros(2), r"has an unexpected 3\.bias/other"),
        ("adapter", "3.bias", torch.zeros(3), r"3\.bias in .* is torch\.float32 \[3\], the model's is .* \[2\]"),
        ("adapter", "3.bias", torch.zeros(2).bfloat16(), r"3\.bias in .* is torch\.bfloat16 \[2\]"),
        ("optimizer", "3.bias/exp_avg", torch.zeros(3), r"3\.bias/exp_avg in .* is torch\.float32 \[3\]"),
    ],
)
def test_a_missing_an_extra_or_a_changed_tensor_is_refused_by_name(
    saved: Path, file: str, name: str, tensor: torch.Tensor | None, sentence: str
) -> None:
    path = saved / f"{file}.safetensors"
    edited = {name: tensor} if tensor is not None else {}
    save_file({key: value for key, value in load_file(path).items() if key != name} | edited, path)
    training = Training.started(seed=2)
    before = [parameter.clone() for parameter in training.model.parameters()]
    with pytest.raises(StateRefused, match=sentence):
        training.load(saved)
    if file == "adapter":
        assert all(torch.equal(a, b) for a, b in zip(before, training.model.parameters(), strict=True))


def test_a_parameter_of_which_the_optimizer_kept_nothing_is_missed_by_name(saved: Path) -> None:
    told = json.loads((saved / "optimizer.json").read_text())
    del told["entries"]["0.weight"]
    (saved / "optimizer.json").write_text(json.dumps(told))
    with pytest.raises(StateRefused, match=r"optimizer\.json of the training state lacks 0\.weight"):
        Training.started(seed=2).load(saved)


def test_other_options_of_the_optimizer_are_refused(saved: Path) -> None:
    with pytest.raises(StateRefused, match=r"group 0 in optimizer.json .* 'weight_decay': 0.01.* 'weight_decay': 0.5"):
        Training.started(seed=2, weight_decay=0.5).load(saved)


def test_a_schedule_that_stands_elsewhere_is_refused(saved: Path) -> None:
    with pytest.raises(StateRefused, match="last_epoch=3, 4 was expected"):
        Training.started(seed=2).load(saved, step=4)


@pytest.mark.parametrize("rate", [0.01, torch.tensor(0.01)], ids=["number", "tensor"])
@pytest.mark.parametrize("shape", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("n_done", [1, 7, 39])
def test_a_resumed_schedule_continues_as_an_uninterrupted_one(
    tmp_path: Path, rate: float | torch.Tensor, shape: str, n_done: int
) -> None:
    # Torchao's optimizers keep their learning rates as tensors.
    rates = [rate.clone() if isinstance(rate, torch.Tensor) else rate for _ in range(2)]
    optimizers = [torch.optim.AdamW(nn.Linear(2, 2).parameters(), lr=own, foreach=False) for own in rates]
    uninterrupted, resumed = (get_scheduler(shape, optimizer, 4, 40) for optimizer in optimizers)
    for _ in range(n_done):
        uninterrupted.optimizer.step()
        uninterrupted.step()
    save_scheduler(uninterrupted, tmp_path)
    load_scheduler(resumed, tmp_path, n_done)
    assert resumed.get_last_lr() == uninterrupted.get_last_lr()
    assert [group["lr"] for group in resumed.optimizer.param_groups] == uninterrupted.get_last_lr()
    assert type(resumed.optimizer.param_groups[0]["lr"]) is type(rate)
    for one in (resumed, uninterrupted):
        one.optimizer.step()
        one.step()
    assert resumed.get_last_lr() == uninterrupted.get_last_lr()
