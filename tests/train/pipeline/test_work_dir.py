"""The trainer is handed a language model, also where the base has a vision tower."""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, Qwen3_5MoeForConditionalGeneration
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.models.qwen3_5_moe.configuration_qwen3_5_moe import Qwen3_5MoeConfig

from tasks.gpu_trial.inside.random_model import random_model
from tasks.gpu_trial.sizes import SMALL
from tasks.train.estimates.targets import decoder_layer
from tasks.train.pipeline.work_dir import link_text_model

VISION = {"depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 16, "out_hidden_size": 32}


def base_with_eyes(folder: Path) -> Path:
    config = Qwen3_5MoeConfig(text_config=SMALL, vision_config=VISION, tie_word_embeddings=False)
    Qwen3_5MoeForConditionalGeneration(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text("{}")
    return folder


def test_a_base_with_a_vision_tower_loads_as_the_same_language_model(tmp_path: Path) -> None:
    base, view = base_with_eyes(tmp_path / "base"), tmp_path / "work"
    link_text_model(base, view)
    # What axolotl goes by: this model type is one of images and text, that one is not.
    assert AutoConfig.from_pretrained(base).model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    assert AutoConfig.from_pretrained(view).model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    assert not (view / "preprocessor_config.json").exists()
    whole, viewed = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (base, view))
    assert list(whole) == list(viewed)
    assert not any("visual" in name for name in viewed)
    assert all(torch.equal(weight, viewed[name]) for name, weight in whole.items())
    drawn = Qwen3_5MoeForConditionalGeneration.from_pretrained(base).state_dict()
    embedding = drawn["model.language_model.embed_tokens.weight"]
    assert torch.equal(embedding, viewed["model.embed_tokens.weight"])


def test_both_ways_to_a_language_model_have_the_same_decoder_layer(tmp_path: Path) -> None:
    link_text_model(base_with_eyes(tmp_path / "base"), tmp_path / "work")
    assert decoder_layer(tmp_path / "base") == decoder_layer(tmp_path / "work") == "Qwen3_5MoeDecoderLayer"


def test_a_base_that_is_a_language_model_is_linked_as_it_is(tmp_path: Path) -> None:
    random_model(SMALL, "cpu", torch.float32).save_pretrained(tmp_path / "base")
    link_text_model(tmp_path / "base", tmp_path / "work")
    assert (tmp_path / "work").is_symlink()
    assert decoder_layer(tmp_path / "work") == "Qwen3_5MoeDecoderLayer"
