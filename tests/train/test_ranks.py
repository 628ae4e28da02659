"""Adapters on two ranks of this machine, by DDP over gloo, train what one process trains.

The short form is in test_resume.py: pairs on two ranks, one of which is killed.
"""

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tasks.align.config import AlignConfig
from tasks.schemas.examples import TokenizedExamples
from tasks.train.config import TrainConfig
from tasks.train.pipeline.outputs import read_metrics
from tasks.train.pipeline.train_arm import train_arm
from tasks.train.trainer import work_files
from tests.chat_fixtures import aligned, chats, dense_base, pairs, write_mix
from tests.model_fixtures import scratch_folder, states_in, trained
from tests.train.attempts import ARMS, on_two_ranks, undisturbed

pytestmark = pytest.mark.trainer


def adapter_of(folder: Path) -> dict[str, Any]:
    tensors: dict[str, Any] = load_file(folder / "adapter" / "adapter_model.safetensors")
    return tensors


@pytest.mark.slow
def test_two_ranks_write_the_adapter_of_one_process_byte_for_byte() -> None:
    """The sum of two passes and that of two ranks are of the same two numbers: 2 x 1 instead of 1 x 2."""
    (machine, facts), (one, alone) = undisturbed("lora-ranks"), trained()
    name = "adapter/adapter_model.safetensors"
    assert (machine.folder / name).read_bytes() == (one.path / name).read_bytes()
    assert (machine.folder / work_files.METRICS).read_bytes() == (one.path / work_files.METRICS).read_bytes()
    # Each rank has the whole adapter: the audit counts it once.
    assert facts["audit"] == alone["audit"]
    state = states_in(machine.store, machine.config).latest()
    assert state is not None
    assert (state / "rng-0.json").read_text() != (state / "rng-1.json").read_text()


def few_examples(objective: str) -> TokenizedExamples:
    """Eleven: two steps of four, and one that lacks a row."""
    mix = write_mix(scratch_folder("mix"), chats(11), pairs(11))
    return aligned(AlignConfig(objective=objective, sequence_length=128), dense_base(), mix)


def train_few(config: TrainConfig) -> tuple[Path, dict[str, Any]]:
    folder = scratch_folder("few")
    rows = few_examples(config.objective.kind)
    return folder, train_arm(config, dense_base(), rows, folder, scratch_folder("work"), None)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["chat", "preference"])
def test_a_last_step_that_lacks_a_row_is_that_of_one_process_too(arm: str) -> None:
    """Passes of one row: in one process a pass that holds fewer pairs would weigh each of them more."""
    changed = {"micro_batch_size": 1, "gradient_accumulation_steps": 4, "activation_checkpointing": True}
    one = ARMS[arm].model_copy(update=changed | {"objective": ARMS[arm].objective.model_copy(update={"epochs": 1})})
    (first, alone), (second, facts) = train_few(one), train_few(on_two_ranks(one))
    assert (alone["n_filler_rows"], facts["n_filler_rows"], facts["n_steps"]) == (0, 1, 3)
    assert facts["tokens_seen"] == alone["tokens_seen"]
    for ours, theirs in zip(*(read_metrics(folder / work_files.METRICS) for folder in (second, first)), strict=True):
        # Four numbers in fp32 are summed in another order.
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)
    ours, theirs = adapter_of(second), adapter_of(first)
    largest = max(float(factor.abs().max()) for factor in theirs.values())
    for name, factor in theirs.items():
        assert float((ours[name] - factor).abs().max()) <= 1e-5 * largest
