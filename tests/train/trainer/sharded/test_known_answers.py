"""Two ranks compute what transformers and PyTorch compute in one process, and their state loads on one rank."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM, get_scheduler

from tasks.train.trainer import work_files
from tasks.train.trainer.sharded_state import load_sharded
from tests.train.trainer.sharded.one_rank import one_rank
from tests.train.trainer.sharded.runs import N_STEPS, SMALL, first_states, lines_of, small_base, uninterrupted

pytestmark = pytest.mark.trainer

VOCABULARY = ("model.embed_tokens.weight", "lm_head.weight")


IGNORED = -100
"""Label of what is not predicted, by transformers' convention."""


def rows_of_step(step: int) -> list[dict[str, Tensor]]:
    """Rows of a step, counted from 0, in the corpus's order: each (1, n_tokens) ids and labels."""
    with pa.memory_map(str(uninterrupted(SMALL) / work_files.BLOCKS)) as file:
        table = pa.ipc.open_stream(file).read_all()
    first = step * SMALL.rows_per_step
    rows = table.slice(first, SMALL.rows_per_step).to_pylist()
    assert len(table) == N_STEPS * SMALL.rows_per_step
    return [{name: torch.tensor([row[name]]) for name in ("input_ids", "labels")} for row in rows]


@cache
def one_process() -> tuple[list[float], dict[str, Tensor], dict[str, Tensor]]:
    """Loss of every step's rows, one after another; AdamW's first moments and the weights after its first step."""
    model = AutoModelForCausalLM.from_pretrained(small_base().path, dtype=torch.float32)
    named = dict(model.named_parameters())
    groups = [
        {"params": [named[name] for name in named if name not in VOCABULARY], "lr": SMALL.learning_rate},
        {"params": [named[name] for name in VOCABULARY], "lr": SMALL.embedding_learning_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    scheduler = get_scheduler(SMALL.scheduler, optimizer, num_warmup_steps=0, num_training_steps=N_STEPS)
    losses, moments, weights = [], {}, {}
    for step in range(N_STEPS):
        losses.append(backward_over(model, rows_of_step(step)))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        if step == 0:
            moments = {name: optimizer.state[parameter]["exp_avg"].clone() for name, parameter in named.items()}
            weights = {name: parameter.detach().clone() for name, parameter in named.items()}
    return losses, moments, weights


def backward_over(model: Any, rows: list[dict[str, Tensor]]) -> float:
    """Mean loss of all predicted tokens; all labels but each row's first are predicted."""
    n_by_row = [int((row["labels"][:, 1:] != IGNORED).sum()) for row in rows]
    total = 0.0
    for row, n_predicted in zip(rows, n_by_row, strict=True):
        if n_predicted:
            loss = model(**row).loss * n_predicted / sum(n_by_row)
            loss.backward()
            total += loss.item()
    return total


@pytest.fixture(scope="module")
def two_ranks() -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Moments and weights after the first step of two ranks, loaded on one."""
    with one_rank():
        model = AutoModelForCausalLM.from_pretrained(small_base().path, dtype=torch.float32)
        fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
        optimizer = torch.optim.AdamW(model.parameters())
        load_sharded(model, optimizer, first_states(SMALL)[0])
        moments = {name: optimizer.state[weight]["exp_avg"].full_tensor() for name, weight in model.named_parameters()}
        yield moments, {name: weight.full_tensor().detach() for name, weight in model.named_parameters()}


def test_the_first_loss_is_that_of_one_process_over_the_same_rows() -> None:
    expected, _, _ = one_process()
    assert lines_of(uninterrupted(SMALL))[0]["loss"] == pytest.approx(expected[0], rel=1e-6)


def test_every_step_takes_its_own_rows_in_the_corpuss_order() -> None:
    expected, _, _ = one_process()
    assert [line["loss"] for line in lines_of(uninterrupted(SMALL))] == pytest.approx(expected, rel=1e-6)
    # The control: losses of two steps differ by far more than that.
    assert min(abs(a - b) for a, b in pairwise(expected)) > 1e-5 * expected[0]


def test_the_first_gradients_are_those_of_one_process(two_ranks: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    _, expected, _ = one_process()
    found, _ = two_ranks
    assert found.keys() == expected.keys()
    for name, moment in expected.items():
        assert torch.linalg.norm(found[name] - moment) <= 1e-4 * torch.linalg.norm(moment), name


def test_the_first_step_is_that_of_one_process(two_ranks: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    _, _, expected = one_process()
    _, found = two_ranks
    for name, weight in expected.items():
        rate = SMALL.embedding_learning_rate if name in VOCABULARY else SMALL.learning_rate
        # The first step is the learning rate times the gradient's sign, which rounding decides where it is about zero.
        share_off = ((found[name] - weight).abs() > 1e-2 * rate).double().mean()
        assert share_off < 1e-3, name
