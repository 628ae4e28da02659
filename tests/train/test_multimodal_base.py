"""A base of images and text, as the hub holds Qwen3.5, is trained as the language model in it."""

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from tasks.merge.config import MergeConfig
from tasks.merge.write import write_merge
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.estimates.sizes import read_sizes
from tasks.train.estimates.targets import decoder_layer, measure_coverage
from tasks.train.pipeline.input_checks import check_tokenizer
from tasks.train.pipeline.train_arm import train_arm
from tasks.train.pipeline.work_dir import prepare_work_dir
from tasks.train.trainer import work_files
from tests.merge.models import as_on_the_hub
from tests.model_fixtures import SMALL_TRAINING, scratch_folder, small_corpus, tiny_base

FEW_STEPS = SMALL_TRAINING.model_copy(update={"token_budget": 500})
FULL_WEIGHT = FEW_STEPS.model_copy(
    update={
        "arm": FullWeightArm(n_ranks=2, expert_kernels="none", cut_cross_entropy=False),
        "gradient_accumulation_steps": 1,
    }
)


@pytest.fixture(scope="module")
def hub() -> ModelFolder:
    return as_on_the_hub(tiny_base())


def test_its_vocabulary_sizes_and_targets_are_those_of_its_language_model(hub: ModelFolder) -> None:
    check_tokenizer(hub, small_corpus())
    with_eyes, plain = (read_sizes(base.path) for base in (hub, tiny_base()))
    assert (with_eyes.by_group, with_eyes.n_layers) == (plain.by_group, plain.n_layers)
    assert (with_eyes.vocabulary, with_eyes.n_active) == (plain.vocabulary, plain.n_active)
    assert measure_coverage(hub.path, LoraArm()) == measure_coverage(tiny_base().path, LoraArm())
    assert decoder_layer(hub.path) == decoder_layer(tiny_base().path)


@pytest.mark.parametrize("config", [FEW_STEPS, FULL_WEIGHT], ids=["lora", "full-weight"])
def test_the_work_directory_holds_the_language_models_config_and_the_bases_files(
    hub: ModelFolder, config: TrainConfig, tmp_path: Path
) -> None:
    prepare_work_dir(config, hub, small_corpus(), tmp_path, keeps_states=False)
    linked = tmp_path / work_files.BASE
    text, whole = (json.loads((folder / "config.json").read_text()) for folder in (linked, hub.path))
    assert (text["model_type"], whole["model_type"]) == ("qwen3_5_moe_text", "qwen3_5_moe")
    assert text["architectures"] == ["Qwen3_5MoeForCausalLM"]
    assert "text_config" not in text
    for name in ("model.safetensors", "tokenizer.json"):
        assert (linked / name).resolve() == (hub.path / name).resolve()


@pytest.mark.trainer
@pytest.mark.slow
def test_it_is_trained_and_merged_like_the_language_model_alone(hub: ModelFolder, tmp_path: Path) -> None:
    facts = train_arm(FEW_STEPS, hub, small_corpus(), tmp_path, scratch_folder("work"), None)
    checkpoint = Checkpoint(tmp_path)
    assert (facts["tokens_seen"], facts["n_steps"]) == (500, checkpoint.metrics()[-1]["step"])
    assert facts["coverage"] == dict(measure_coverage(tiny_base().path, LoraArm()).by_entry)
    with safe_open(checkpoint.adapter_dir / "adapter_model.safetensors", "pt") as file:
        names = set(file.keys())
    assert not any("language_model" in name or "visual" in name for name in names)
    merged = write_merge(MergeConfig(), hub, checkpoint, "probe", tmp_path / "merged", tmp_path / "files")
    assert merged["difference"] <= 0.01 * merged["moved"]
    assert (merged["n_left_behind"], merged["n_zero_adapters"]) == (2, 0)
