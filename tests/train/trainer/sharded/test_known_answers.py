"""Two ranks compute what transformers and PyTorch compute in one process, and their state loads on one rank."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.sharded.checkpoint import load_sharded
from tasks.train.trainer.sharded.data import IGNORED, Rows
from tasks.train.trainer.sharded.keys import Keys
from tasks.train.trainer.sharded.model import sharded_model
from tasks.train.trainer.sharded.optimizer import build_optimizer, build_scheduler
from tests.model_fixtures import tiny_base
from tests.train.trainer.sharded.one_rank import one_rank
from tests.train.trainer.sharded.test_exact_resume import KILLED_AT
from tests.train.trainer.sharded.workplaces import SMALL, killed, lines_of, uninterrupted

pytestmark = pytest.mark.trainer

VOCABULARY = ("model.embed_tokens.weight", "lm_head.weight")


@cache
def one_process() -> tuple[float, dict[str, Tensor], dict[str, Tensor]]:
    """Loss of the first step's rows, one after another; then AdamW's first moments and weights after its step."""
    model = AutoModelForCausalLM.from_pretrained(tiny_base().path, dtype=torch.float32)
    rows = Rows(uninterrupted(SMALL) / workplace.BLOCKS, 1, SMALL.rows_per_step, 1, n_filler_rows=0)
    n_predicted, total = rows.n_predicted(0), 0.0
    for row in rows.batches(0, 0):
        n_own = int((row["labels"][:, 1:] != IGNORED).sum())
        loss = model(input_ids=row["input_ids"], labels=row["labels"]).loss * n_own / n_predicted
        loss.backward()
        total += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    named = dict(model.named_parameters())
    groups = [
        {"params": [named[name] for name in named if name not in VOCABULARY], "lr": SMALL.learning_rate},
        {"params": [named[name] for name in VOCABULARY], "lr": SMALL.embedding_learning_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    optimizer.step()
    moments = {name: optimizer.state[parameter]["exp_avg"] for name, parameter in named.items()}
    return total, moments, {name: parameter.detach() for name, parameter in named.items()}


@pytest.fixture(scope="module")
def two_ranks() -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Moments and weights after the first step of two ranks, loaded on one."""
    folder, states = killed(KILLED_AT, SMALL)
    keys = replace(Keys.read(folder), base_model=str(tiny_base().path))
    with one_rank():
        model = sharded_model(keys, Settings.read(folder))
        optimizer = build_optimizer(model, keys, "fp32")
        build_scheduler(optimizer, keys)
        load_sharded(model, optimizer, states[0])
        moments = {name: optimizer.state[weight]["exp_avg"].full_tensor() for name, weight in model.named_parameters()}
        yield moments, {name: weight.full_tensor().detach() for name, weight in model.named_parameters()}


def test_the_first_loss_is_that_of_one_process_over_the_same_rows() -> None:
    expected, _, _ = one_process()
    assert lines_of(uninterrupted(SMALL))[0]["loss"] == pytest.approx(expected, rel=1e-6)


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
