"""Checkpoints and bases as other tools save them: read as those tools read them, or refused with the true reason."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
from accelerate.utils import merge_fsdp_weights
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tasks.checkpoints.dcp import read_metadata
from tasks.checkpoints.restricted_pickle import CheckpointUnreadable
from tasks.merge.config import MergeConfig
from tasks.merge.errors import AdapterMismatch, CastNotHandled
from tasks.merge.plan import plan_base
from tasks.merge.write import write_merge
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tests.merge.small_models import PROMPTS, change_files, small_base

CONFIG = MergeConfig(prompts=PROMPTS)


def trained_model(base: ModelFolder) -> torch.nn.Module:
    model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(base.path)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return model


@pytest.mark.parametrize("layout", ["accelerate", "compiled", "compiled layer", "accelerate, compiled"])
def test_wrappers_around_names_are_removed(layout: str, tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base")
    model, checkpoint = trained_model(base), Checkpoint(tmp_path / "trained")
    wanted = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if layout == "compiled layer":
        model.model.layers[0] = torch.compile(model.model.layers[0])
    state = torch.compile(model).state_dict() if layout.endswith("compiled") else model.state_dict()
    assert ("compiled" in layout) is any("_orig_mod." in name for name in state)
    dcp.save({"model": state} if "accelerate" in layout else state, checkpoint_id=checkpoint.sharded_dir)
    if layout == "accelerate":
        merge_fsdp_weights(str(checkpoint.sharded_dir), str(tmp_path / "by-accelerate"))
        assert load_file(tmp_path / "by-accelerate" / "model.safetensors").keys() == wanted.keys()
    facts = write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    assert facts["difference"] == 0.0
    found = load_file(tmp_path / "merged" / "model.safetensors")
    assert found.keys() == wanted.keys()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in found.items())


def test_a_name_with_and_without_a_wrapper_is_refused(tmp_path: Path) -> None:
    dcp.save({"a.weight": torch.ones(2), "_orig_mod.a.weight": torch.zeros(2)}, checkpoint_id=tmp_path)
    with pytest.raises(CheckpointUnreadable, match=r"holds a\.weight twice"):
        read_metadata(tmp_path)


def test_a_quantized_checkpoint_is_refused_by_its_format(tmp_path: Path) -> None:
    dcp.save({"a.weight": torch.ones(2).to(torch.float8_e4m3fn)}, checkpoint_id=tmp_path)
    with pytest.raises(CheckpointUnreadable, match=r"tensor a\.weight has the number format float8_e4m3fn"):
        read_metadata(tmp_path)


def test_the_single_file_is_taken_where_there_is_an_index_too(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, tmp_path / "model-00001-of-00001.safetensors")
    weight_map = dict.fromkeys(tensors, "model-00001-of-00001.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert {chunk.file.name for tensor in plan_base(base.path).tensors.values() for chunk in tensor.chunks} == {
        "model.safetensors"
    }


def test_a_quantized_tensor_counts_only_where_the_model_needs_it(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path)
    inv_freq = "model__layers__0__self_attn__rotary_emb__inv_freq"
    change_files(base, **{inv_freq: torch.ones(4).to(torch.float8_e4m3fn)})
    assert plan_base(base.path).n_left_behind == {"model.layers.*.self_attn.rotary_emb": 1}


@pytest.mark.parametrize("multimodal", [False, True])
def test_a_quantized_base_is_refused_by_its_config(multimodal: bool, tmp_path: Path) -> None:
    config = {"model_type": "qwen3_5_moe", "text_config": {}} if multimodal else {"model_type": "llama"}
    (tmp_path / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "fp8"}}))
    with pytest.raises(CastNotHandled, match=r"config has a quantization_config .*fp8"):
        plan_base(tmp_path)


@pytest.mark.parametrize("name", ["lm_head", "model.embed_tokens"])
def test_an_adapter_that_holds_one_name_of_a_tied_pair_holds_the_base_s_weight(name: str, tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base", tie_word_embeddings=True)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base.path),
        LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False),
    )
    checkpoint = Checkpoint(tmp_path / "trained")
    model.save_pretrained(checkpoint.adapter_dir)
    file, key = checkpoint.adapter_dir / "adapter_model.safetensors", f"base_model.model.{name}.weight"
    embedding = load_file(base.path / "model.safetensors")["model.embed_tokens.weight"]
    save_file(load_file(file) | {key: embedding}, file)
    facts = write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    assert (facts["n_base_copies"], facts["untied"]) == (1, False)
    save_file(load_file(file) | {key: embedding + 1}, file)
    with pytest.raises(AdapterMismatch, match="differs from the base's"):
        write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "again", tmp_path / "work")
