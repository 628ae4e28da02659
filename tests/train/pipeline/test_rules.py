"""What is refused from the settings alone, each with the fact behind it."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.pipeline.package_rules import FORK_OF_AXOLOTL, SONICMOE_KERNEL, image_rules, installed_packages
from tasks.train.pipeline.rules import (
    Refused,
    check_config,
    check_rules,
    share_that_never_moves,
)

FULL = {"arm": FullWeightArm(), "gradient_accumulation_steps": 1}


def arm(**changed: Any) -> dict[str, Any]:
    return FULL | {"arm": FullWeightArm(**changed)}


FLA = {"flash-linear-attention": "0.5.2"}
SONIC = FLA | {"nvidia-cutlass-dsl": "4.6.0", "apache-tvm-ffi": "0.1.11", SONICMOE_KERNEL: "cached"}


def broken(config: TrainConfig, pool: str | None = None, packages: dict[str, str] | None = None) -> list[str]:
    return [
        rule.sentence for rule in check_rules(config, pool, FLA if packages is None else packages) if not rule.passed
    ]


@pytest.mark.parametrize(
    ("changed", "pool", "sentence"),
    [
        (
            arm(sync_each_batch=False) | {"gradient_accumulation_steps": 8},
            None,
            r"gradient accumulation: gradient_accumulation_steps=8, sync_each_batch=false, bound: 1, or sync_each"
            r"_batch; FSDP2 without it keeps whole gradients on every GPU, .* Set arm\.sync_each_batch to true",
        ),
        (
            FULL | {"optimizer": "paged_adamw_8bit"},
            None,
            r"optimizer: paged_adamw_8bit, .* fail in their first step on FSDP2.* Set optimizer to adamw_torch_fused\.",
        ),
        (
            FULL | {"optimizer": "adamw_bnb_8bit"},
            None,
            r"optimizer: adamw_bnb_8bit, bound: one whose moments are DTens",
        ),
        (
            {"arm": LoraArm(dropout=0.05)},
            None,
            r"adapter dropout: arm\.dropout=0\.05, 2 target parameters, .* PEFT 0\.20 raises, axolotl 0\.19 warns",
        ),
        (
            {"arm": LoraArm(dropout=0.05, target_parameters=(), cut_cross_entropy=True)},
            None,
            r"output layer's dropout: arm\.dropout=0\.05, cut cross entropy .* leave lm_head out of arm",
        ),
        (
            arm(master_weights="none"),
            None,
            r"master weights: arm\.master_weights=none at precision bf16, .* at learning rate 2e-05 about 70% of bf16 "
            r"weights .* never move, .* Set arm\.master_weights to fp32 or stochastic_rounding\.",
        ),
        (
            FULL,
            "h100",
            r"GPUs: 8 ranks of the full-weight arm on h100, bound: as many .* 1; two ranks cannot share a GPU: NCCL "
            r"refuses it\. Set route\.train to h100x8\.$",
        ),
        (
            {},
            "h100x8",
            r"GPUs: 1 rank of the lora arm on h100x8, .* 8; 7 of 8 GPUs would be paid and idle\. Set arm\.n_ranks of "
            r"the training to 8 \(gradient_accumulation_steps or micro_batch_size too, so that a step keeps its 8 "
            r"rows\), or route\.train to h100\.$",
        ),
        (
            {"arm": LoraArm(n_ranks=8), "gradient_accumulation_steps": 1},
            "h100",
            r"GPUs: 8 ranks of the lora arm on h100, .* 1; two ranks cannot share a GPU: NCCL refuses it\. Set "
            r"arm\.n_ranks of the training to 1 \(gradient_.* keeps its 8 rows\), or route\.train to h100x8\.$",
        ),
        (
            arm(n_ranks=4),
            "h100",
            r"GPUs: 4 ranks .* Set route\.train to h100x8 and arm\.n_ranks of the training to 8\.$",
        ),
        (arm(n_ranks=4), "h100x8", r"GPUs: 4 ranks .* 4 of 8 GPUs would be paid and idle"),
        (
            {"packing": True, "kernels": "plain"},
            None,
            r"packing: rows packed, kernels plain, .* Gated DeltaNet carries one document's state into the next: .*4",
        ),
    ],
)
def test_each_refusal_names_the_value_the_bound_the_fact_and_the_way_out(
    changed: dict[str, Any], pool: str | None, sentence: str
) -> None:
    messages = broken(TrainConfig(**changed), pool)
    assert len(messages) == 1
    assert re.match(sentence, messages[0])


def test_packing_is_refused_where_the_trainer_lacks_flash_linear_attention() -> None:
    packed = TrainConfig(packing=True)
    assert broken(packed) == []
    (message,) = broken(packed, packages={})
    assert "trainer without flash-linear-attention" in message


@pytest.mark.parametrize("name", ["nvidia-cutlass-dsl", "apache-tvm-ffi", SONICMOE_KERNEL])
def test_sonicmoe_is_refused_where_a_package_or_its_kernel_is_missing(name: str) -> None:
    config = TrainConfig(arm=FullWeightArm(expert_kernels="sonicmoe"))
    assert broken(config, packages=SONIC) == []
    (message,) = broken(config, packages={key: version for key, version in SONIC.items() if key != name})
    assert message.startswith(f"SonicMoE: {name} ")
    assert "Set arm.expert_kernels to scattermoe" in message


@pytest.mark.parametrize(
    ("name", "version"), [("nvidia-cutlass-dsl", "4.5.2"), ("apache-tvm-ffi", "0.1.9"), ("apache-tvm-ffi", "0.2.0")]
)
def test_sonicmoe_is_refused_with_versions_that_axolotl_or_transformers_refuse(name: str, version: str) -> None:
    (message,) = broken(TrainConfig(arm=LoraArm(expert_kernels="sonicmoe")), packages=SONIC | {name: version})
    assert message.startswith(
        f"SonicMoE: {name} {version}, bound: nvidia-cutlass-dsl==4.6.*, apache-tvm-ffi<0.2,>=0.1.10"
    )


def test_causal_conv1d_is_refused_with_kernels_and_hidden_from_plain_ones() -> None:
    with_it = FLA | {"causal-conv1d": "1.6.0"}
    (message,) = broken(TrainConfig(), packages=with_it)
    assert message.startswith(
        "convolution: causal-conv1d 1.6.0 installed, bound: not installed; transformers 5.16 puts"
    )
    assert broken(TrainConfig(kernels="plain"), packages=with_it) == []


@pytest.mark.trainer
def test_the_trainers_environment_is_asked_and_has_what_packing_needs_and_no_causal_conv1d() -> None:
    found = installed_packages()
    assert "flash-linear-attention" in found
    assert "causal-conv1d" not in found


def test_a_cached_kernel_is_found_and_a_missing_package_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kernels--kernels-community--sonic-moe").mkdir()
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", sys.executable)
    monkeypatch.setenv("KERNELS_CACHE", str(tmp_path))
    assert installed_packages() == {SONICMOE_KERNEL: "cached"}


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(optimizer="adamw_bnb_8bit"),
        TrainConfig(arm=LoraArm(dropout=0.1, target_parameters=())),
        TrainConfig(arm=LoraArm(n_ranks=8)),
        TrainConfig(**arm(master_weights="stochastic_rounding")),
        TrainConfig(**arm(master_weights="none") | {"precision": "fp32"}),
        TrainConfig(**FULL | {"gradient_accumulation_steps": 8}),
        TrainConfig(**arm(sync_each_batch=False)),
    ],
)
def test_what_works_is_not_refused(config: TrainConfig) -> None:
    pool = "h100x8" if config.arm.n_ranks == 8 else "h100"
    assert broken(config, pool) == []


def test_plain_kernels_run_on_any_pools_processors() -> None:
    two = FullWeightArm(n_ranks=2, expert_kernels="none", cut_cross_entropy=False)
    assert broken(TrainConfig(**FULL | {"arm": two, "kernels": "plain"}), "h100x8") == []
    assert broken(TrainConfig(kernels="plain"), "h100x8") == []


def test_training_refuses_in_the_pool_it_runs_in_with_every_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = TrainConfig(**arm(master_weights="none") | {"optimizer": "adamw_bnb_8bit"})
    monkeypatch.setenv("HINDSIGHT_POOL", "h100")
    with pytest.raises(Refused, match=r"^optimizer: .* master weights: .* GPUs: 8 ranks .* on h100"):
        check_config(wrong)
    monkeypatch.delenv("HINDSIGHT_POOL")
    check_config(TrainConfig(**arm(cut_cross_entropy=False)))


def test_the_fork_of_cut_cross_entropy_is_told_from_the_package_it_was_forked_from() -> None:
    config, upstream = TrainConfig(**FULL), {"cut-cross-entropy": "25.9.3"}
    assert [rule.passed for rule in image_rules(config, upstream | {FORK_OF_AXOLOTL: "25.9.3"})] == [True]
    for packages, found in ((upstream, "cut-cross-entropy 25.9.3, not axolotl's fork"), ({}, "no cut-cross-entropy")):
        (rule,) = image_rules(config, packages)
        assert rule.sentence.startswith(f"cut cross entropy: {found}, bound: axolotl's fork")
    assert list(image_rules(TrainConfig(**arm(cut_cross_entropy=False)), {})) == []


def test_the_former_key_of_master_weights_is_refused_by_its_new_name() -> None:
    with pytest.raises(ValidationError, match=r"arm\.masters is now called arm\.master_weights"):
        FullWeightArm.model_validate({"kind": "full-weight", "masters": "none"})


def test_adapters_have_no_trainable_token_indices() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        LoraArm.model_validate({"kind": "lora", "trainable_token_indices": [1, 2]})


def rounded_to_bf16(values: np.ndarray) -> np.ndarray:
    """float32 rounded to the nearest bf16, ties to even."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    kept: np.ndarray = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return kept


def simulated_share(learning_rate: float, n_weights: int = 10_000, n_steps: int = 500) -> float:
    """Share of bf16 weights that AdamW on gradients of pure noise leaves where they were drawn."""
    rng = np.random.default_rng(0)
    first = weights = rounded_to_bf16(rng.normal(0, 0.02, n_weights))
    mean, square, moved = np.zeros(n_weights), np.zeros(n_weights), np.zeros(n_weights, bool)
    for step in range(1, n_steps + 1):
        gradient = rng.normal(size=n_weights)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        update = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        weights = rounded_to_bf16(weights - learning_rate * update)
        moved |= weights != first
    return 1 - float(moved.mean())


@pytest.mark.parametrize("learning_rate", [1e-6, 1e-5, 2e-5, 6e-5, 1e-3])
def test_the_share_that_never_moves_is_the_simulated_one(learning_rate: float) -> None:
    assert share_that_never_moves(learning_rate) == pytest.approx(simulated_share(learning_rate), abs=0.015)


def test_at_the_references_rate_70_percent_never_move() -> None:
    assert share_that_never_moves(2e-5) == pytest.approx(0.70, abs=0.005)


@given(st.floats(1e-8, 1e-2), st.floats(1, 100))
def test_a_higher_rate_never_leaves_more_weights_behind(learning_rate: float, factor: float) -> None:
    assert 0 <= share_that_never_moves(learning_rate * factor) <= share_that_never_moves(learning_rate) <= 1
