"""The merged model's logits are the trained one's, in both arms; a training without effect is refused."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tasks.merge.adapter import attach_adapter
from tasks.merge.config import REVISION, MergeConfig
from tasks.merge.errors import AdapterMismatch, MergeDiffers, NothingChanged
from tasks.merge.logit_check import Parity, check_merged, check_trained, compare, load_model
from tasks.merge.write import write_merge
from tests.merge.models import change_adapter, random_adapter, scratch_folder, sharded_checkpoint, tiny_base

# Not named by any target: norms, routers, gates, and DeltaNet's own small parameters.
UNTARGETED = ("norm.weight", "mlp.gate.weight", "expert_gate.weight", "in_proj_a.weight", "in_proj_b.weight")
UNTARGETED += ("conv1d.weight", "A_log", "dt_bias")


@cache
def folded() -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Facts and weights of one merge."""
    folder = scratch_folder("folded")
    facts = write_merge(MergeConfig(), tiny_base(), random_adapter(0.05), "probe", folder, scratch_folder("work"))
    return facts, load_file(folder / "model.safetensors")


def test_an_adapter_is_in_every_target_and_nowhere_else() -> None:
    facts, merged = folded()
    assert facts["moved"] > 100 * facts["noise"]
    assert facts["difference"] <= 0.01 * facts["moved"]
    assert (facts["n_adapters"], facts["n_zero_adapters"], facts["n_expert_tensors_moved"]) == (35, 0, 8)
    base = load_model(tiny_base().path).state_dict()
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in merged.items()} == {
        name: (tensor.shape, tensor.dtype) for name, tensor in base.items()
    }
    moved = {name for name in base if not torch.equal(base[name], merged[name])}
    assert len(moved) == facts["n_tensors_moved"] == 35
    assert any(".mlp.experts." in name for name in moved)
    assert all(name.endswith(UNTARGETED) for name in set(base) - moved)


def test_full_weights_give_exactly_the_logits_of_torch_s_own_reader(tmp_path: Path) -> None:
    checkpoint = sharded_checkpoint("float32")
    facts = write_merge(MergeConfig(), tiny_base(), checkpoint, "probe", tmp_path / "a", tmp_path / "work")
    assert (facts["arm"], facts["difference"], facts["casts"]) == ("full-weight", 0.0, {})
    assert facts["moved"] > 100 * facts["noise"]
    assert json.loads((tmp_path / "a" / "config.json").read_text()) == json.loads(tiny_base().config_file.read_text())
    tokenizer = "tokenizer.json"
    assert (tmp_path / "a" / tokenizer).read_bytes() == (tiny_base().path / tokenizer).read_bytes()


def test_rounded_full_weights_load_in_their_format_with_an_index(tmp_path: Path) -> None:
    config = MergeConfig(dtype="bf16", shard_gigabytes=0.01, prompts=("Gold rose.",))
    checkpoint = sharded_checkpoint("float32")
    facts = write_merge(config, tiny_base(), checkpoint, "probe", tmp_path / "a", tmp_path / "work")
    assert (facts["difference"], facts["n_shards"]) == (0.0, 3)
    assert facts["casts"] == {"F32 to BF16": facts["n_tensors"]}
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "a", dtype="auto")
    assert model.dtype is torch.bfloat16


@pytest.mark.trainer
@pytest.mark.slow
def test_a_trained_adapter_merges(tmp_path: Path) -> None:
    from tests import model_fixtures

    checkpoint = model_fixtures.trained()[0]
    base = model_fixtures.tiny_base()
    facts = write_merge(MergeConfig(), base, checkpoint, "probe", tmp_path / "a", tmp_path / "work")
    assert facts["difference"] <= 0.01 * facts["moved"]
    assert facts["n_zero_adapters"] == 0
    # PEFT saves the embedding and the head under their adapters.
    assert facts["n_base_copies"] == 2


def test_an_adapter_with_another_bases_embedding_is_refused(tmp_path: Path) -> None:
    copy = "base_model.model.model.embed_tokens.base_layer.weight"
    embedding = tiny_base().path / "model.safetensors"
    with safe_open(embedding, "pt") as tensors:
        weight = tensors.get_tensor("model.embed_tokens.weight")
    same = change_adapter(random_adapter(0.05), {copy: weight})
    facts = write_merge(MergeConfig(), tiny_base(), same, "probe", tmp_path / "a", tmp_path / "work")
    assert facts["n_base_copies"] == 1
    other = change_adapter(random_adapter(0.05), {copy: weight + 1e-3})
    with pytest.raises(AdapterMismatch, match=r"holds .*embed_tokens.* trained on another base"):
        write_merge(MergeConfig(), tiny_base(), other, "probe", tmp_path / "b", tmp_path / "work2")


def test_an_adapter_of_zeros_is_refused_before_a_weight_is_written(tmp_path: Path) -> None:
    with pytest.raises(NothingChanged, match="all 35 adapters are zero, as before the first step"):
        write_merge(MergeConfig(), tiny_base(), random_adapter(0.0), "probe", tmp_path / "a", tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_a_training_that_changes_no_more_than_rounding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingChanged, match=r"training of probe changes no logit .* by more than"):
        write_merge(MergeConfig(), tiny_base(), random_adapter(1e-9), "probe", tmp_path / "a", tmp_path / "work")


def test_an_adapter_that_rounds_away_from_its_experts_is_refused(tmp_path: Path) -> None:
    whole = random_adapter(0.05)
    names = load_file(whole.adapter_dir / "adapter_model.safetensors")
    faint = change_adapter(whole, {name: names[name] * 1e-6 for name in names if ".mlp.experts." in name})
    with pytest.raises(NothingChanged, match=r"mlp\.experts\.gate_up_proj is not zero, but every sum rounds .* fp32"):
        write_merge(MergeConfig(dtype="bf16"), tiny_base(), faint, "probe", tmp_path / "a", tmp_path / "work")


def test_a_fold_that_differs_is_refused_at_the_tolerance() -> None:
    check_merged(Parity(moved=1.0, difference=0.01, noise=1e-6), 0.01, "probe", "lora")
    with pytest.raises(MergeDiffers, match=r"by 0\.0101 in a logit, more than the 0\.01 allowed for a change of 1 by"):
        check_merged(Parity(moved=1.0, difference=0.0101, noise=1e-6), 0.01, "probe", "lora")


def test_rounding_noise_is_allowed_in_a_fold_and_not_in_a_copy() -> None:
    within_noise = Parity(moved=1.0, difference=0.05, noise=0.05)
    check_merged(within_noise, 0.01, "probe", "lora")
    with pytest.raises(MergeDiffers, match="Copied weights must give equal logits"):
        check_merged(within_noise, 0.0, "probe", "full-weight")


def test_a_model_that_amplifies_rounding_may_differ_by_twice_what_peft_s_own_fold_does() -> None:
    check_merged(Parity(moved=0.04, difference=5.5e-4, noise=3e-5, of_peft=5e-4), 0.01, "probe", "lora")
    with pytest.raises(MergeDiffers, match=r"by 0\.0011 in a logit, more than the 0\.001 allowed"):
        check_merged(Parity(moved=0.04, difference=1.1e-3, noise=3e-5, of_peft=5e-4), 0.01, "probe", "lora")
    # What was left out differs by all that training moved.
    with pytest.raises(MergeDiffers, match=r"more than the 0\.0005 allowed"):
        check_merged(Parity(moved=1e-3, difference=1e-3, noise=3e-5, of_peft=9e-4), 0.01, "probe", "lora")


def test_a_merge_that_left_the_adapter_out_never_passes() -> None:
    base, trained = [np.zeros((2, 3), np.float32)], [np.full((2, 3), 2e-6, np.float32)]
    parity = compare(base, trained, base, epsilon=1e-7)
    check_trained(parity, "probe")
    with pytest.raises(MergeDiffers):
        check_merged(parity, 0.01, "probe", "lora")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    # Only the last prompt's: a maximum that loses NaN would not see it.
    one = np.ones((2, 3), np.float32)
    fine, broken = [one, one], [one, np.full((2, 3), value, np.float32)]
    for arm in ("lora", "full-weight"):
        with pytest.raises(MergeDiffers):
            check_merged(compare(fine, [one + 1, one + 1], broken, 1e-7), 0.01, "probe", arm)
    with pytest.raises(NothingChanged):
        check_trained(compare(broken, fine, fine, 1e-7), "probe")


def test_an_adapter_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    name = "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight"
    other = change_adapter(random_adapter(0.05), {name: torch.zeros(4, 8)})
    with pytest.raises(AdapterMismatch, match=r"layers\.3\.self_attn\.q_proj\.lora_A\.weight has shape \[4, 8\]"):
        write_merge(MergeConfig(), tiny_base(), other, "probe", tmp_path / "a", tmp_path / "work")
    with pytest.raises(AdapterMismatch, match="does not fit its base"):
        attach_adapter(load_model(tiny_base().path), other.adapter_dir)


def test_an_adapter_without_its_experts_is_refused(tmp_path: Path) -> None:
    whole = random_adapter(0.05)
    names = load_file(whole.adapter_dir / "adapter_model.safetensors")
    without = change_adapter(whole, {name: None for name in names if ".mlp.experts." in name})
    with pytest.raises(AdapterMismatch, match="lacks 16 weights the base asks for"):
        write_merge(MergeConfig(), tiny_base(), without, "probe", tmp_path / "a", tmp_path / "work")


def test_the_same_adapter_gives_the_weights_this_revision_gave() -> None:
    merged = folded()[1]
    names = ("0.linear_attn.out_proj.weight", "0.mlp.experts.down_proj", "3.self_attn.q_proj.weight")
    sums = [float(merged[f"model.layers.{name}"].double().abs().sum()) for name in names]
    # Sums, not digests: the last bits are the processor's.
    known = {3: [23.0465, 113.4001, 45.4663]}
    assert sums == pytest.approx(known.get(REVISION), rel=1e-4), (
        "the same inputs give other weights: raise REVISION in tasks/merge/config.py and add the new sums here"
    )
