"""Every part at small size, on a CPU where there is no GPU: no error is left for the hour that is paid."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.gpu_trial.embedding import embedding, embedding_mfu
from tasks.gpu_trial.environment import environment
from tasks.gpu_trial.inside.random_model import architecture
from tasks.gpu_trial.lora_step import lora_step, plain_lora_step
from tasks.gpu_trial.merge import merge
from tasks.gpu_trial.packing import packing
from tasks.gpu_trial.patches import patches
from tasks.gpu_trial.premium import premium
from tasks.gpu_trial.resume import resume
from tasks.gpu_trial.schema import Findings, Size
from tasks.gpu_trial.sizes import QWEN_35B
from tasks.train.estimates.sizes import sizes_of

PartFunction = Callable[[Size, Path], Findings]


def passed(part: PartFunction, folder: Path) -> Findings:
    found = part("small", folder)
    assert [check for check in found.checks if not check.passed] == []
    assert found.checks
    assert Findings.model_validate_json(found.model_dump_json()) == found
    return found


@pytest.mark.parametrize(
    "part", [embedding, premium, pytest.param(merge, marks=pytest.mark.slow)], ids=lambda part: part.__name__
)
def test_parts_of_the_pipelines_environment(part: PartFunction, tmp_path: Path) -> None:
    assert passed(part, tmp_path).figures["device"] is not None


@pytest.mark.trainer
@pytest.mark.parametrize(
    "part", [environment, pytest.param(packing, marks=pytest.mark.slow)], ids=lambda part: part.__name__
)
def test_parts_that_ask_the_trainers_environment(part: PartFunction, tmp_path: Path) -> None:
    passed(part, tmp_path)


@pytest.mark.trainer
@pytest.mark.slow
def test_the_trainer_takes_steps_on_a_base_without_weights(tmp_path: Path) -> None:
    figures = passed(lora_step, tmp_path).figures
    assert len(figures["losses"]) == 3
    assert figures["ended_early"] == ""
    assert figures["tokens_per_second"] > 0
    assert figures["mfu"] is None
    assert list((tmp_path / "base").glob("*.safetensors")) == []


@pytest.mark.trainer
@pytest.mark.slow
def test_steps_without_axolotl_start_at_the_loss_of_a_guess(tmp_path: Path) -> None:
    assert passed(plain_lora_step, tmp_path).figures["mfu"] is None


@pytest.mark.trainer
@pytest.mark.slow
def test_plain_settings_patch_nothing(tmp_path: Path) -> None:
    # test_gpu_recipes walks the recipe's own patches, with a stubbed device.
    assert set(passed(patches, tmp_path).figures["origins"].values()) == {"transformers"}


@pytest.mark.trainer
@pytest.mark.slow
def test_a_resumed_training_ends_in_the_same_bits(tmp_path: Path) -> None:
    figures = passed(resume, tmp_path).figures
    assert figures["same_bits"] is True
    assert len(figures["metrics"]) == len(figures["metrics_resumed"]) == 4


def test_thirty_thousand_sentences_in_forty_seconds_are_forty_percent_of_an_h100_at_sixty_tokens_each() -> None:
    sizes = sizes_of(architecture(QWEN_35B))
    share = embedding_mfu(sizes, 30_000 * 60 / 24, "NVIDIA H100 80GB HBM3")
    assert share == pytest.approx(0.37, abs=0.01)
    assert embedding_mfu(sizes, 1.0, "cpu") is None
