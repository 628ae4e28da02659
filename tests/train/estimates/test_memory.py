"""Memory predicted from sizes alone, against what the reference measured and what follows from the terms."""

from typing import Any

import pytest

from tasks.costs.hardware import GIB, POOLS
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.estimates.memory import keeping_seconds, loading_seconds, output_bytes, predict_memory, state_bytes
from tasks.train.estimates.sizes import Sizes, sizes_of
from tasks.train.objectives import ChatObjective, PreferenceObjective
from tasks.train.trainer.weight_groups import group_of
from tests.architectures import qwen_35b

P = 34_660_610_688
A = 949_927_936
"""Adapter parameters of the default targets at rank 16."""
BF16_ADAPTERS = {"peft_autocast_adapter_dtype": False}
EIGHT_BIT = {"optimizer": "adamw_bnb_8bit", "cut_cross_entropy": True, "use_scattermoe": True}
USABLE = POOLS["h100"].gpu.usable_bytes / GIB


@pytest.fixture(scope="module")
def sizes() -> Sizes:
    return sizes_of(qwen_35b())


def full_weight(master_weights: str = "none", sync_each_batch: bool = True, **changed: Any) -> TrainConfig:
    arm = FullWeightArm(master_weights=master_weights, sync_each_batch=sync_each_batch)
    return TrainConfig(**({"arm": arm, "gradient_accumulation_steps": 1} | changed))


def test_sizes_of_the_35b_are_known(sizes: Sizes) -> None:
    assert sizes.n_parameters == P
    assert sizes.n_active == 2_946_429_568
    assert sizes.by_group["routed_experts"] == 32_212_254_720
    assert sizes.n_vocabulary == 2 * 248_320 * 2_048
    assert sum(sizes.by_group.values()) == P


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("model.embed_tokens.weight", "embedding"),
        ("model.layers.0.linear_attn.A_log", "delta_net"),
        ("model.layers.0.linear_attn.norm.weight", "norms_and_rest"),
        ("model.layers.3.self_attn.q_norm.weight", "norms_and_rest"),
        ("base_model.model.model.layers.3.self_attn.q_proj.lora_A.default.weight", "attention"),
        ("model.layers.0.mlp.shared_expert.up_proj.weight", "shared_expert"),
        ("model.layers.0.mlp.experts.gate_up_proj", "routed_experts"),
        ("model.layers.0.mlp.gate.weight", "router"),
        ("model.layers.0.mlp.shared_expert_gate.weight", "norms_and_rest"),
        ("lm_head.weight", "head"),
        ("weight", "norms_and_rest"),
    ],
)
def test_a_parameters_group_follows_from_its_name(name: str, group: str) -> None:
    assert group_of(name) == group


def test_a_tied_embedding_counts_once_and_multiplies() -> None:
    tied, untied = sizes_of(qwen_35b(tie_word_embeddings=True)), sizes_of(qwen_35b())
    assert untied.n_parameters - tied.n_parameters == 248_320 * 2_048
    assert tied.n_active == untied.n_active


@pytest.mark.parametrize(
    ("config", "settings", "measured"),
    [
        (TrainConfig(), BF16_ADAPTERS, 74),
        (TrainConfig(arm=LoraArm(cut_cross_entropy=True)), EIGHT_BIT, 74),
        (full_weight(), {}, 42),
        (full_weight(activation_checkpointing=False), {}, 51),
    ],
    ids=["lora-8-bytes-per-adapter-parameter", "lora-8-bit-moments", "full-weight", "without-checkpointing"],
)
def test_the_references_peaks_are_met_within_5_percent(
    sizes: Sizes, config: TrainConfig, settings: dict[str, Any], measured: float
) -> None:
    predicted = predict_memory(sizes, config, settings, A).gib
    assert abs(predicted - measured) <= 0.05 * measured
    assert predicted <= USABLE


def test_accumulating_without_sync_runs_out_of_memory_as_the_reference_did(sizes: Sizes) -> None:
    unsynced = predict_memory(sizes, full_weight(sync_each_batch=False, gradient_accumulation_steps=8), {})
    synced = predict_memory(sizes, full_weight(gradient_accumulation_steps=8), {})
    assert synced.gib < USABLE < unsynced.gib
    assert (unsynced.gib - synced.gib) * GIB == pytest.approx(2 * P)


def test_fp32_master_weights_take_16_bytes_a_parameter_and_12_gb(sizes: Sizes) -> None:
    memory = predict_memory(sizes, full_weight(master_weights="fp32"), {})
    assert memory.gib * GIB == pytest.approx(16 * P / 8 + 12.1e9, rel=0.01)
    assert memory.gib < USABLE


def test_stochastic_rounding_takes_12_bytes_a_parameter_for_its_moments_are_fp32(sizes: Sizes) -> None:
    rounded = predict_memory(sizes, full_weight(master_weights="stochastic_rounding"), {})
    assert (rounded.gib - predict_memory(sizes, full_weight(master_weights="none"), {}).gib) * GIB == pytest.approx(
        4 * P / 8
    )
    assert rounded.terms["weights, gradients and moments"] == pytest.approx(12 * P / 8)
    assert state_bytes(full_weight(master_weights="stochastic_rounding"), {}, P) == 10 * P


def test_fp32_adapters_with_fp32_moments_do_not_fit_one_h100_beside_a_35b(sizes: Sizes) -> None:
    assert predict_memory(sizes, TrainConfig(), {}, A).gib > USABLE
    assert predict_memory(sizes, TrainConfig(), {}, A).terms["adapters"] == 16 * A


def test_every_rank_of_adapters_has_the_whole_base_and_a_copy_of_its_gradients(sizes: Sizes) -> None:
    one, eight = (predict_memory(sizes, TrainConfig(arm=LoraArm(n_ranks=n)), {}, A) for n in (1, 8))
    assert eight.terms["base"] == one.terms["base"] == 2 * P
    assert (eight.gib - one.gib) * GIB == pytest.approx(4 * A)


def test_peft_without_expert_kernels_keeps_every_delta_unless_checkpointed(sizes: Sizes) -> None:
    without = TrainConfig(activation_checkpointing=False)
    assert predict_memory(sizes, without, {}, A).terms["deltas kept"] == 2 * 32_212_254_720
    assert predict_memory(sizes, without, {"use_scattermoe": True}, A).terms["deltas kept"] == 0
    no_experts = TrainConfig(arm=LoraArm(target_parameters=()), activation_checkpointing=False)
    assert predict_memory(sizes, no_experts, {}, A).terms["deltas kept"] == 0


@pytest.mark.parametrize("doubled", ["sequence_length", "micro_batch_size"])
def test_logits_inputs_and_activations_grow_with_the_tokens_of_a_pass_and_nothing_else_does(
    sizes: Sizes, doubled: str
) -> None:
    config = full_weight(activation_checkpointing=False)
    twice = config.model_copy(update={doubled: 2 * getattr(config, doubled)})
    once, more = predict_memory(sizes, config, {}).terms, predict_memory(sizes, twice, {}).terms
    grown = {term for term in once if more[term] != once[term]}
    assert grown == {"logits", "layer inputs", "activations"}
    assert all(more[term] == 2 * once[term] for term in grown)


def test_cut_cross_entropy_spares_the_logits_and_nothing_else(sizes: Sizes) -> None:
    spared = predict_memory(sizes, full_weight(), {"cut_cross_entropy": True}).terms
    assert spared["logits"] == 0
    whole = predict_memory(sizes, full_weight(), {}).terms
    assert whole["logits"] == 10 * 2_048 * 248_320
    assert {term for term, size in whole.items() if spared[term] != size} == {"logits"}


def test_a_pair_takes_two_rows_and_the_references_logits_in_fp32(sizes: Sizes) -> None:
    chats, pairs = (
        predict_memory(sizes, TrainConfig(objective=objective, micro_batch_size=n_rows), {}, A).terms
        for objective, n_rows in ((ChatObjective(), 2), (PreferenceObjective(), 1))
    )
    assert pairs["logits"] - chats["logits"] == 4 * 2 * 2_048 * 248_320
    assert {**pairs, "logits": 0} == {**chats, "logits": 0}


def test_of_logits_and_a_recomputed_layer_the_larger_counts(sizes: Sizes) -> None:
    assert "recomputed layer" not in predict_memory(sizes, full_weight(), {}).terms
    cut = predict_memory(sizes, full_weight(micro_batch_size=4), {"cut_cross_entropy": True}).terms
    assert cut["recomputed layer"] == pytest.approx(57.6 * 4 * 2_048 * 2_048)
    kept = full_weight(activation_checkpointing=False)
    assert predict_memory(sizes, kept, {"cut_cross_entropy": True}).terms.get("recomputed layer", 0) == 0


def test_an_adapter_on_the_output_layer_widens_its_weight_by_the_rank_under_cut_cross_entropy_alone(
    sizes: Sizes,
) -> None:
    def widened(**arm: Any) -> float:
        return predict_memory(sizes, TrainConfig(arm=LoraArm(**arm)), {}, A).terms["widened head"]

    assert widened(cut_cross_entropy=True) == 2 * 2 * 248_320 * (2_048 + 16)
    assert widened() == widened(cut_cross_entropy=True, target_modules=("q_proj",)) == 0


@pytest.mark.parametrize(
    ("config", "settings", "n_trained", "state", "output"),
    [
        (full_weight(master_weights="fp32"), {}, P, 12 * P, 4 * P),
        (full_weight(master_weights="stochastic_rounding"), {}, P, 10 * P, 2 * P),
        (full_weight(master_weights="none", precision="fp32"), {}, P, 12 * P, 4 * P),
        (TrainConfig(), {}, A, 12 * A, 4 * A),
        (TrainConfig(), BF16_ADAPTERS, A, 6 * A, 2 * A),
        (TrainConfig(), {"optimizer": "adamw_bnb_8bit"}, A, 6 * A, 4 * A),
    ],
)
def test_states_hold_weights_and_moments_and_results_hold_weights(
    config: TrainConfig, settings: dict[str, Any], n_trained: int, state: int, output: int
) -> None:
    assert state_bytes(config, settings, n_trained) == state
    assert output_bytes(config, settings, n_trained) == output


def test_a_state_of_fp32_master_weights_is_416_gb_and_35_minutes_away_written_sent_and_read_back() -> None:
    size = state_bytes(full_weight(master_weights="fp32"), {}, P)
    assert round(size / 1e9) == 416
    assert keeping_seconds(size) == pytest.approx(415.9 / 1 + 415.9 / 0.5 + 415.9 / 0.5, abs=0.5)
    assert keeping_seconds(size) / 60 == pytest.approx(34.7, abs=0.05)


def test_a_trainer_loads_for_five_minutes_and_the_time_its_base_takes() -> None:
    assert loading_seconds(0) == 300
    assert loading_seconds(2 * P) / 60 == pytest.approx(5 + 69.3 / 60, abs=0.01)
