"""The merged model answers as base and adapter do; an adapter that does nothing is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.artifacts import Checkpoint
from tasks.merge.config import REVISION, MergeConfig
from tasks.merge.errors import AdapterMismatch, MergeDiffers, NothingMoved
from tasks.merge.fold import attach_adapter, load_model
from tasks.merge.verify import Parity, compare, refuse_difference, refuse_unmoved
from tasks.merge.write import write_merge
from tests.model_fixtures import random_adapter, scratch_folder, tiny_base, trained

# What no target names: norms, routers, gates, and DeltaNet's own small parameters.
UNTARGETED = ("norm.weight", "mlp.gate.weight", "expert_gate.weight", "in_proj_a.weight", "in_proj_b.weight")
UNTARGETED += ("conv1d.weight", "A_log", "dt_bias")


def change_adapter(checkpoint: Checkpoint, change: dict[str, torch.Tensor | None]) -> Checkpoint:
    """A copy whose named tensors are replaced, or left out where None."""
    folder = scratch_folder("changed")
    (folder / "adapter").mkdir()
    config = (checkpoint.adapter_dir / "adapter_config.json").read_text()
    (folder / "adapter" / "adapter_config.json").write_text(config)
    tensors = load_file(checkpoint.adapter_dir / "adapter_model.safetensors") | change
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, folder / "adapter" / "adapter_model.safetensors")
    return Checkpoint(folder)


def test_merged_equals_base_and_adapter_and_every_target_is_folded(tmp_path: Path) -> None:
    facts = write_merge(MergeConfig(), tiny_base(), random_adapter(0.05), "probe", tmp_path)
    assert facts["moved"] > 100 * facts["noise"]
    assert facts["difference"] <= 0.01 * facts["moved"]
    base, merged = (load_file(folder / "model.safetensors") for folder in (tiny_base().path, tmp_path))
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in merged.items()} == {
        name: (tensor.shape, tensor.dtype) for name, tensor in base.items()
    }
    moved = {name for name in base if not torch.equal(base[name], merged[name])}
    assert any(".mlp.experts." in name for name in moved)
    assert all(name.endswith(UNTARGETED) for name in set(base) - moved)


@pytest.mark.trainer
def test_a_trained_adapter_merges(tmp_path: Path) -> None:
    facts = write_merge(MergeConfig(), tiny_base(), trained()[0], "probe", tmp_path)
    assert facts["difference"] <= 0.01 * facts["moved"]
    assert facts["n_zero_adapters"] == 0
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads(tiny_base().config_file.read_text())
    assert (tmp_path / "tokenizer.json").read_bytes() == (tiny_base().path / "tokenizer.json").read_bytes()


def test_an_adapter_of_zeros_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingMoved, match="all 35 adapters are zero, as before the first step"):
        write_merge(MergeConfig(), tiny_base(), random_adapter(0.0), "probe", tmp_path)


def test_an_adapter_that_moves_nothing_but_rounding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingMoved, match=r"adapter of probe moves no logit .* by more than"):
        write_merge(MergeConfig(), tiny_base(), random_adapter(1e-9), "probe", tmp_path)


def test_a_merge_that_differs_is_refused_at_the_tolerance() -> None:
    refuse_difference(Parity(moved=1.0, difference=0.01, noise=1e-6), 0.01, "probe")
    with pytest.raises(MergeDiffers, match=r"differs from base and adapter by 0\.0101 in a logit"):
        refuse_difference(Parity(moved=1.0, difference=0.0101, noise=1e-6), 0.01, "probe")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_no_numbers_are_refused(value: float) -> None:
    fine, broken = [np.ones((2, 3), np.float32)], [np.full((2, 3), value, np.float32)]
    with pytest.raises(MergeDiffers):
        refuse_difference(compare(fine, [fine[0] + 1], broken, 1e-7), 0.01, "probe")
    with pytest.raises(NothingMoved):
        refuse_unmoved(compare(broken, fine, fine, 1e-7), "probe")


def test_an_adapter_without_its_experts_is_refused() -> None:
    whole = random_adapter(0.05)
    names = load_file(whole.adapter_dir / "adapter_model.safetensors")
    without = change_adapter(whole, {name: None for name in names if ".mlp.experts." in name})
    with pytest.raises(AdapterMismatch, match="lacks 16 weights the base asks for"):
        attach_adapter(load_model(tiny_base().path), without.adapter_dir)


def test_an_adapter_of_another_shape_is_refused() -> None:
    name = "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight"
    other = change_adapter(random_adapter(0.05), {name: torch.zeros(4, 8)})
    with pytest.raises(AdapterMismatch, match="does not fit its base"):
        attach_adapter(load_model(tiny_base().path), other.adapter_dir)


def test_the_same_adapter_gives_the_weights_this_revision_gave(tmp_path: Path) -> None:
    torch.manual_seed(0)  # of the adapter's factors that do not start at zero
    write_merge(MergeConfig(), tiny_base(), random_adapter(0.05), "probe", tmp_path)
    merged = load_file(tmp_path / "model.safetensors")
    names = ("0.linear_attn.out_proj", "0.mlp.experts.0.down_proj", "3.self_attn.q_proj")
    sums = [float(merged[f"model.layers.{name}.weight"].double().abs().sum()) for name in names]
    # Sums, not digests: the last bits are the processor's.
    known = {1: [64.7489, 47.3191, 119.8333]}
    assert sums == pytest.approx(known.get(REVISION), rel=1e-4), (
        "the same inputs give other weights: raise REVISION in tasks/merge/config.py and add the new sums here"
    )
