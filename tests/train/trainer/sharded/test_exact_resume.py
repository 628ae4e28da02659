"""A full-weight run that was killed goes on as if it had not been: the same losses, the same bytes, every expert's."""

import json
from pathlib import Path

import numpy as np
import pytest

from tasks.train.config import TrainConfig
from tasks.train.trainer import work_files
from tasks.train.trainer.state_files import StateInfo
from tests.train.trainer.sharded.runs import (
    N_STEPS,
    SMALL,
    continued,
    first_states,
    killed,
    lines_of,
    output_bytes,
    resumed,
    uninterrupted,
)

pytestmark = pytest.mark.trainer

KILLED_AT = int(np.random.default_rng(5).integers(2, N_STEPS))
IN_BF16 = SMALL.model_copy(
    update={
        "arm": SMALL.arm.model_copy(update={"master_weights": "stochastic_rounding"}),
        "precision": "bf16",
        "activation_checkpointing": True,
        "min_share_changed": 0.1,
    }
)


def assert_same_run(found: Path, config: TrainConfig) -> None:
    whole = uninterrupted(config)
    assert lines_of(found) == lines_of(whole)
    assert (found / work_files.AUDIT).read_bytes() == (whole / work_files.AUDIT).read_bytes()
    assert output_bytes(found) == output_bytes(whole)


def test_what_is_the_same_is_not_what_never_moved() -> None:
    groups = json.loads((uninterrupted(SMALL) / work_files.AUDIT).read_text())[-1]["groups"]
    assert groups["routed_experts"]["changed"] > 0.9 * groups["routed_experts"]["n_sampled"]
    assert len(lines_of(uninterrupted(SMALL))) == N_STEPS


def test_a_run_goes_on_from_a_state_bit_by_bit() -> None:
    """The short form of the slow tests, which kill a run at each of its steps."""
    first, second = first_states(SMALL)
    assert [StateInfo.read(state).step for state in (first, second)] == [1, 2]
    assert_same_run(continued(second, SMALL), SMALL)


@pytest.mark.slow
def test_a_killed_run_has_left_whole_states_of_its_steps() -> None:
    folder, states = killed(KILLED_AT, SMALL)
    steps = [StateInfo.read(state).step for state in states]
    assert steps == list(range(1, len(steps) + 1))
    assert KILLED_AT - 1 <= steps[-1] < N_STEPS
    lines = lines_of(folder)
    assert [lines_of(state) for state in states] == [lines[:step] for step in steps]


def test_every_token_is_seen_and_filler_rows_are_not_counted() -> None:
    settings = json.loads((uninterrupted(SMALL) / work_files.SETTINGS).read_text())
    assert settings["n_filler_rows"] > 0
    assert lines_of(uninterrupted(SMALL))[-1]["tokens_seen"] == SMALL.token_budget


def test_the_weights_tell_of_no_machine_and_no_clock() -> None:
    files = output_bytes(uninterrupted(SMALL))
    assert set(files) == {".metadata", "__0_0.distcp", "__1_0.distcp"}
    assert not any(str(uninterrupted(SMALL)).encode() in content for content in files.values())


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", range(1, N_STEPS))
def test_a_run_killed_at_any_step_goes_on_bit_by_bit(kill_at: int) -> None:
    assert_same_run(resumed(kill_at, SMALL), SMALL)


@pytest.mark.slow
def test_gradients_reduced_after_every_pass_or_after_the_last_train_alike() -> None:
    once = SMALL.model_copy(update={"arm": SMALL.arm.model_copy(update={"sync_each_batch": False})})
    losses = [[line["loss"] for line in lines_of(uninterrupted(config))] for config in (SMALL, once)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


@pytest.mark.slow
def test_weights_rounded_at_random_go_on_with_the_same_dice() -> None:
    assert_same_run(resumed(3, IN_BF16), IN_BF16)
