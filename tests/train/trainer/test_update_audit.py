"""The audit counts what has changed, per group, and ends a run whose dense weights stay where they are."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tasks.train.trainer.update_audit import DENSE, MOST_SAMPLED, Groups, Sample, WeightsDoNotMove, check_updates

Q_PROJ = "model.layers.3.self_attn.q_proj.weight"


def model() -> dict[str, Tensor]:
    return {
        "model.embed_tokens.weight": nn.Parameter(torch.randn(50, 4)),
        "lm_head.weight": nn.Parameter(torch.randn(50, 4)),
        Q_PROJ: nn.Parameter(torch.randn(100, 100)),
        "model.layers.3.self_attn.q_norm.weight": nn.Parameter(torch.zeros(8)),
        "model.layers.0.linear_attn.in_proj_qkv.weight": nn.Parameter(torch.randn(8, 4)),
        "model.layers.0.mlp.experts.gate_up_proj": nn.Parameter(torch.randn(4, 6, 4)),
        "model.layers.0.mlp.shared_expert.up_proj.weight": nn.Parameter(torch.randn(6, 4)),
        "model.layers.0.mlp.gate.weight": nn.Parameter(torch.randn(4, 4)),
    }


def shares(share: float) -> Groups:
    return {group: {"n_sampled": 1000, "changed": int(1000 * share), "changed_in_bf16": 0} for group in DENSE}


def test_nothing_has_changed_at_first_and_every_group_is_sampled() -> None:
    weights = model()
    groups = Sample.take(weights.items(), seed=0).compare(weights.items())
    names = "attention delta_net embedding head norms_and_rest routed_experts router shared_expert"
    assert list(groups) == names.split()
    assert not any(group["changed"] or group["changed_in_bf16"] for group in groups.values())
    assert (groups["attention"]["n_sampled"], groups["router"]["n_sampled"]) == (MOST_SAMPLED, 16)


@given(st.integers(1, 200), st.data())
def test_the_changed_values_of_a_small_parameter_are_counted_one_by_one(n_values: int, data: st.DataObject) -> None:
    moved = data.draw(st.sets(st.integers(0, n_values - 1)))
    weights = {Q_PROJ: nn.Parameter(torch.randn(n_values))}
    sample = Sample.take(weights.items(), seed=0)
    with torch.no_grad():
        weights[Q_PROJ][list(moved)] += 1
    counts = {"n_sampled": n_values, "changed": len(moved), "changed_in_bf16": len(moved)}
    assert sample.compare(weights.items()) == {"attention": counts}


def test_a_step_below_half_a_bf16_gap_is_a_change_in_fp32_and_none_in_bf16() -> None:
    weights = {Q_PROJ: nn.Parameter(torch.full((64,), 0.02))}
    sample = Sample.take(weights.items(), seed=0)
    with torch.no_grad():
        # Neighbours of 0.02 in bf16 are 2**-13, about 1.2e-4, away.
        weights[Q_PROJ] += 2e-5
    assert sample.compare(weights.items())["attention"] == {"n_sampled": 64, "changed": 64, "changed_in_bf16": 0}


def test_the_same_step_in_bf16_weights_is_no_change_at_all() -> None:
    weights = {Q_PROJ: nn.Parameter(torch.full((64,), 0.02, dtype=torch.bfloat16))}
    sample = Sample.take(weights.items(), seed=0)
    with torch.no_grad():
        weights[Q_PROJ] += 2e-5
    assert sample.compare(weights.items())["attention"]["changed"] == 0


def test_of_an_adapter_the_factor_that_starts_at_zero_is_sampled() -> None:
    stem = "base_model.model.model.layers.0.linear_attn.out_proj.lora_"
    weights = {f"{stem}A.default.weight": torch.randn(4, 8), f"{stem}B.default.weight": torch.zeros(8, 4)}
    factors = {name: nn.Parameter(weight) for name, weight in weights.items()}
    sample = Sample.take(factors.items(), seed=0)
    assert list(sample.values) == [f"{stem}B.default.weight"]
    assert sample.compare(factors.items()) == {"delta_net": {"n_sampled": 32, "changed": 0, "changed_in_bf16": 0}}


def test_frozen_weights_are_left_out() -> None:
    weights = {Q_PROJ: nn.Parameter(torch.randn(4), requires_grad=False)}
    assert Sample.take(weights.items(), seed=0).compare(weights.items()) == {}


def test_one_dense_group_that_stays_ends_the_run_with_figures_and_a_way_out() -> None:
    groups = shares(0.9) | {"delta_net": {"n_sampled": 1000, "changed": 298, "changed_in_bf16": 298}}
    message = (
        "after 50 steps at a learning rate of up to 2e-05, 29.8% of the delta_net weights sampled have changed, "
        "kept in bfloat16; min_share_changed=0.5.*set arm.master_weights to fp32"
    )
    with pytest.raises(WeightsDoNotMove, match=message):
        check_updates(groups, 0.5, n_steps=50, learning_rate=2e-5, weights="bfloat16")


def test_what_is_not_dense_may_stay() -> None:
    idle = {"n_sampled": 1000, "changed": 0, "changed_in_bf16": 0}
    groups = shares(0.5) | {"routed_experts": idle, "embedding": idle, "norms_and_rest": idle}
    check_updates(groups, 0.5, n_steps=50, learning_rate=2e-5, weights="float32")


def counted(changed: int) -> dict[str, int]:
    return {"n_sampled": 1000, "changed": changed, "changed_in_bf16": 0}


def test_where_no_dense_group_is_trained_every_group_has_to_move() -> None:
    def judge(embedding: int, routed_experts: int, min_share_changed: float = 0.5) -> None:
        groups = {"embedding": counted(embedding), "routed_experts": counted(routed_experts)}
        check_updates(groups, min_share_changed, n_steps=50, learning_rate=2e-5, weights="bfloat16")

    judge(embedding=1, routed_experts=1)
    judge(embedding=0, routed_experts=0, min_share_changed=0)
    with pytest.raises(WeightsDoNotMove, match=r"0\.0% of the embedding weights.*with no dense group, every group has"):
        judge(embedding=0, routed_experts=900)


def test_an_output_layer_that_stays_whole_ends_the_run_and_one_changed_value_is_enough() -> None:
    with pytest.raises(WeightsDoNotMove, match="none of the 1,000 values sampled of the output layer have changed"):
        check_updates(shares(0.9) | {"head": counted(0)}, 0.5, n_steps=50, learning_rate=2e-5, weights="float32")
    check_updates(shares(0.9) | {"head": counted(1)}, 0.5, n_steps=50, learning_rate=2e-5, weights="float32")
    check_updates(shares(0.9) | {"head": counted(0)}, 0, n_steps=50, learning_rate=2e-5, weights="float32")


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(WeightsDoNotMove, match="after 50 steps the update audit has nothing to compare"):
        check_updates({}, 0.5, n_steps=50, learning_rate=2e-5, weights="bfloat16")
