"""The YAMLs of both GPU recipes pass axolotl's own loading, and every patch they ask for is in the trained classes."""

import json
import os
import subprocess
from functools import cache
from typing import Any

import pytest

from tasks.common.settings import project_root
from tasks.gpu_trial.patches import patch_checks
from tasks.gpu_trial.training import prepare
from tasks.train.config import TrainConfig
from tasks.train.pipeline.launch import trainer_environment, trainer_python
from tests.model_fixtures import scratch_folder, tiny_base
from tests.train.arm_configs import recipe

pytestmark = [pytest.mark.trainer, pytest.mark.parametrize("arm", ["lora", "full-weight"])]
FORK = project_root() / "tests" / "train" / "trainer" / "gpu_walk" / "fork"


def config_of(arm: str) -> TrainConfig:
    return recipe(f"fineweb-2017-26-{arm}").model_copy(update={"token_budget": 20_000})


@cache
def walked(arm: str) -> dict[str, Any]:
    folder = scratch_folder("walk")
    # As the pipeline prepares it, with the smallest base and few rows.
    prepare(config_of(arm), tiny_base().path, folder)
    environment = trainer_environment()
    environment |= {"PYTHONPATH": f"{environment['PYTHONPATH']}{os.pathsep}{FORK}", "CUDA_VISIBLE_DEVICES": ""}
    command = [str(trainer_python()), "-m", "tests.train.trainer.gpu_walk"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1_800)
    assert "ANSWERS" in done.stdout, done.stderr[-3_000:]
    told: dict[str, Any] = json.loads(done.stdout.split("ANSWERS")[-1])
    return told


def test_the_loss_is_patched_in_the_language_model_and_packing_in_its_layers(arm: str) -> None:
    told = walked(arm)
    assert (told["type"], told["class"]) == ("qwen3_5_moe_text", "Qwen3_5MoeForCausalLM")
    assert told["origins"] == {
        "ForCausalLM": "cut_cross_entropy",
        "ForConditionalGeneration": "transformers",
        "Attention": "axolotl" if arm == "lora" else "transformers",
        "GatedDeltaNet": "axolotl",
        "DecoderLayer": "axolotl",
        "Experts": "transformers",
    }
    # Full attention tells packed documents apart by its own patch.
    assert told["sdpa"] == "axolotl.monkeypatch.attention.sdpa_varlen"


def test_the_first_hour_on_a_gpu_expects_what_is_found_here(arm: str) -> None:
    checks = list(patch_checks(walked(arm), config_of(arm)))
    assert [check.name for check in checks if not check.passed] == []
    assert {check.bound for check in checks} >= {"cut_cross_entropy", "axolotl", "scattermoe"}
    unpatched = walked(arm)["origins"] | {"GatedDeltaNet": "transformers"}
    (failed,) = (c for c in patch_checks(walked(arm) | {"origins": unpatched}, config_of(arm)) if not c.passed)
    assert (failed.name, failed.value, failed.bound) == ("GatedDeltaNet", "transformers", "axolotl")


def test_experts_run_by_scattermoe_and_adapters_on_them_are_not_materialised(arm: str) -> None:
    assert (walked(arm)["experts"], walked(arm)["wrapped experts"]) == ("scattermoe", "axolotl")


def test_only_the_arm_with_adapters_has_their_kernels(arm: str) -> None:
    kernels = walked(arm)["kernels of adapters"]
    asked = {"self_attn": ["apply_o", "apply_qkv"], "linear_attn": ["apply_in_proj_fused", "apply_out_proj"]}
    assert kernels == (asked if arm == "lora" else {"self_attn": [], "linear_attn": []})


def test_of_axolotls_tables_only_ligers_knows_the_text_type_which_no_recipe_uses(arm: str) -> None:
    # Not in the table of multipack: rows go through the collator that the packing test uses.
    tables = {"model_support": False, "multipack": False, "experts without a block": False, "liger": True}
    assert walked(arm)["lookups"] == tables


def test_without_the_types_own_modules_axolotl_does_not_find_the_attention(arm: str) -> None:
    # The control: the LoRA recipe ended so, before any plugin's hook.
    assert "could not import attention class for model_type: qwen3_5_moe_text" in walked(arm)["without"]


def test_a_fork_that_does_not_know_the_text_type_patches_the_same_class(arm: str) -> None:
    assert walked(arm)["generic"]["ForCausalLM"] == "cut_cross_entropy"


def test_the_patched_loss_takes_the_number_of_the_steps_tokens(arm: str) -> None:
    assert walked(arm)["counts tokens"]


def test_a_patch_that_is_not_in_the_trained_class_ends_the_run_by_name(arm: str) -> None:
    told = walked(arm)["refusals"]
    assert told["none"] == ""
    assert told["loss"].startswith(
        "cut_cross_entropy: the forward pass of Qwen3_5MoeForCausalLM is that of transformers.models.qwen3_5_moe"
    )
    assert told["packing"].startswith("sample_packing: the forward pass of Qwen3_5MoeGatedDeltaNet is that of transf")
    assert told["experts"].startswith("use_scattermoe: the experts of Qwen3_5MoeForCausalLM run by 'eager'")


def test_the_output_layers_adapter_is_in_the_cut_loss_as_in_pefts_own_layer(arm: str) -> None:
    if arm == "full-weight":
        assert walked(arm)["head"] == {}
        return
    head = walked(arm)["head"]
    # bf16 rounds PEFT's sum of two products once more than the one product.
    assert head["loss"] == pytest.approx(head["by PEFT"], rel=1e-3)
    assert abs(head["without adapter"] - head["by PEFT"]) > 0.02 * head["by PEFT"]
    assert head["gradient A"] < 0.02
    assert head["gradient B"] < 0.02
