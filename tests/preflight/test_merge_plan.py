"""Preflight refuses what the merge would refuse, with the merge's own words, and passes what it accepts."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tasks.common.settings import project_root
from tasks.preflight.checks.artifacts import merge_check
from tasks.recipe import Recipe, load_recipe
from tasks.schemas.artifacts import Check, ModelFolder
from tests.merge.small_models import change_files, rename_files, small_base

SMOKE, FULL = (load_recipe(project_root() / "configs" / f"{name}.yaml") for name in ("smoke", "smoke-full-weight"))


def checked(base: ModelFolder, recipe: Recipe = FULL, **arm: Any) -> Check:
    fields = recipe.model_dump(mode="json")
    fields["train"]["arm"] |= arm
    changed = Recipe.model_validate(fields)
    return merge_check(changed.train.arm, changed.merge, base)


def lora(base: ModelFolder, *targets: str) -> Check:
    return checked(base, SMOKE, target_modules=targets, target_parameters=())


def test_a_tied_base_with_adapters_on_embedding_and_head_fails_before_training(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path, tie_word_embeddings=True)
    found = lora(base, "q_proj", "embed_tokens", "lm_head")
    assert not found.passed
    assert found.value.startswith("the adapter changes lm_head.weight, which the base shares between")
    assert lora(base, "q_proj").value == "21 weights, 21 in F32"
    assert checked(base).passed


def test_a_base_whose_files_hold_two_weights_is_not_tied(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path, tie_word_embeddings=True)
    change_files(base, lm_head__weight=load_file(base.path / "model.safetensors")["model.embed_tokens.weight"] + 1)
    assert lora(base, "q_proj", "embed_tokens", "lm_head").passed


def test_a_base_of_the_hub_passes_and_one_that_lacks_a_weight_fails(tmp_path: Path) -> None:
    base = small_base("gpt2", tmp_path)
    rename_files(base, {"transformer.": ""}, {"h.0.attn.bias": torch.ones(1, 1, 32, 32)})
    assert checked(base).passed
    rename_files(base, {"h.1.": "h.7."}, {})
    found = checked(base)
    assert not found.passed
    assert found.value.startswith("the base lacks 12 of the 29 tensors of its architecture, transformer.h.1.")


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn"])
def test_a_base_in_a_quantized_format_fails_by_name_of_the_tensor(dtype: str, tmp_path: Path) -> None:
    base = small_base("llama", tmp_path)
    norm = load_file(base.path / "model.safetensors")["model.norm.weight"]
    change_files(base, model__norm__weight=norm.to(getattr(torch, dtype)))
    found = checked(base)
    assert found.passed is (dtype == "bfloat16")
    if not found.passed:
        assert found.value.startswith("tensor model.norm.weight of the base is F8_E4M3; quantized weights mean nothing")
