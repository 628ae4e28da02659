"""Real trainings on conversations and on preference pairs: what is predicted, counted, moved and compared with."""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tasks.align.config import AlignConfig
from tasks.schemas.examples import IGNORED
from tasks.train.arms import LoraArm
from tasks.train.objectives import PreferenceObjective
from tasks.train.pipeline.outputs import read_metrics
from tasks.train.pipeline.train_arm import train_arm
from tasks.train.trainer import work_files
from tests.chat_fixtures import CHATML, aligned, dense_base, pairs, write_mix
from tests.model_fixtures import scratch_folder, tiny_base
from tests.train.attempts import ARMS, inputs_of, tuning, undisturbed

pytestmark = pytest.mark.trainer

LN_2 = math.log(2)


def rows_of(work: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.ipc.open_stream(work / work_files.BLOCKS).read_all().to_pylist()
    return rows


def test_a_chat_steps_loss_is_the_mean_over_its_answers_tokens() -> None:
    machine, _ = undisturbed("chat-briefly")
    model = AutoModelForCausalLM.from_pretrained(dense_base().path).eval()
    summed, n_predicted = 0.0, 0
    for row in rows_of(machine.work)[:4]:
        ids, labels = torch.tensor([row["input_ids"]]), torch.tensor(row["labels"])
        with torch.inference_mode():
            logits = model(ids).logits[0]
        summed += float(
            torch.nn.functional.cross_entropy(logits[:-1], labels[1:], ignore_index=IGNORED, reduction="sum")
        )
        n_predicted += int((labels != IGNORED).sum())
    assert n_predicted < sum(len(row["input_ids"]) for row in rows_of(machine.work)[:4]) / 2
    assert read_metrics(machine.work / work_files.METRICS)[0]["loss"] == pytest.approx(summed / n_predicted, rel=1e-5)


@pytest.mark.parametrize("arm", ["chat-briefly", "preference"])
def test_every_example_is_seen_in_every_epoch_and_every_adapter_moves(arm: str) -> None:
    (machine, facts), counts = undisturbed(arm), inputs_of(arm)[1].counts()
    epochs = ARMS[arm].objective.epochs
    assert (facts["objective"], facts["n_epochs"], facts["n_filler_rows"]) == (ARMS[arm].objective.kind, epochs, 0)
    assert facts["tokens_seen"] == counts["n_tokens"] * epochs
    assert facts["n_rows"] == counts["n_examples"] * epochs
    adapter = load_file(machine.folder / "adapter" / "adapter_model.safetensors")
    assert all(bool(factor.any()) for factor in adapter.values())
    assert facts["final_loss"] < facts["loss_curve"][0][1] - 0.1


def test_a_preference_training_starts_at_ln_2_and_its_metrics_hold_the_rewards() -> None:
    machine, _ = undisturbed("preference")
    metrics = read_metrics(machine.folder / work_files.METRICS)
    assert metrics[0]["loss"] == pytest.approx(LN_2, abs=1e-6)
    assert (metrics[0]["reward_margin"], metrics[0]["reward_accuracy"]) == (0, 0)
    assert metrics[-1]["reward_margin"] > 0.1
    assert metrics[-1]["reward_accuracy"] == 1
    # Axolotl would save the whole base beside the adapter.
    assert not (machine.work / work_files.OUTPUT / "model.safetensors").exists()


@pytest.mark.slow
def test_a_mixture_of_experts_starts_at_ln_2_too_and_its_routed_experts_move(tmp_path: Path) -> None:
    targets = tuple(name for name in LoraArm().target_modules if name not in ("embed_tokens", "lm_head"))
    config = tuning(PreferenceObjective()).model_copy(update={"arm": LoraArm(rank=4, target_modules=targets)})
    few = write_mix(scratch_folder("mix"), [], pairs(6))
    examples = aligned(AlignConfig(objective="preference", chat_template=CHATML), tiny_base(), few)
    facts = train_arm(config, tiny_base(), examples, tmp_path, scratch_folder("work"), None)
    assert facts["loss_curve"][0][1] == pytest.approx(LN_2, abs=1e-6)
    (audited,) = facts["audit"]
    assert audited["groups"]["routed_experts"]["changed"] > 0
