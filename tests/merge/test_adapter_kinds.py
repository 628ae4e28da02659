"""Every kind of adapter gives PEFT's own merge to the bit, or is refused by the field of its config."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tasks.common.settings import project_root
from tasks.merge.config import MergeConfig
from tasks.merge.errors import AdapterNotHandled
from tasks.merge.write import write_merge
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tests.merge.small_models import PROMPTS, small_base

CONFIG = MergeConfig(prompts=PROMPTS)
LLAMA = ["q_proj", "down_proj"]
GPT2 = ["c_attn", "c_proj", "c_fc"]
FOLDED: dict[str, tuple[str, dict[str, Any]]] = {
    "LoRA on Linear": ("llama", {"target_modules": LLAMA}),
    "LoRA on embedding and head": ("llama", {"target_modules": ["embed_tokens", "lm_head"]}),
    "LoRA on Conv1D": ("gpt2", {"target_modules": GPT2, "fan_in_fan_out": True}),
    "LoRA on Conv1D, fan_in_fan_out not set": ("gpt2", {"target_modules": GPT2}),
    "LoRA on fused experts": (
        "mixtral",
        {"target_modules": ["q_proj"], "target_parameters": ["experts.gate_up_proj", "experts.down_proj"]},
    ),
    "DoRA on Linear": ("llama", {"target_modules": LLAMA, "use_dora": True}),
    "DoRA on embedding": ("llama", {"target_modules": ["embed_tokens", "q_proj"], "use_dora": True}),
    "DoRA on Conv1D": ("gpt2", {"target_modules": GPT2, "use_dora": True, "fan_in_fan_out": True}),
    "rsLoRA": ("llama", {"target_modules": LLAMA, "use_rslora": True}),
    "rank_pattern and alpha_pattern": (
        "llama",
        {"target_modules": LLAMA, "rank_pattern": {"q_proj": 2}, "alpha_pattern": {"down_proj": 32}},
    ),
    "layers_to_transform": ("llama", {"target_modules": LLAMA, "layers_to_transform": [1]}),
    "exclude_modules": ("llama", {"target_modules": LLAMA, "exclude_modules": r".*\.0\..*"}),
    "gaussian start": ("llama", {"target_modules": LLAMA, "init_lora_weights": "gaussian"}),
    "orthogonal start": ("llama", {"target_modules": LLAMA, "init_lora_weights": "orthogonal"}),
    "all-linear": ("llama", {"target_modules": "all-linear"}),
    "EVA": ("llama", {"target_modules": LLAMA, "init_lora_weights": "eva"}),
}
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "bias": ("gpt2", {"target_modules": ["c_attn"], "bias": "all"}),
    "lora_bias": ("gpt2", {"target_modules": ["c_attn"], "lora_bias": True}),
    "modules_to_save": ("llama", {"target_modules": LLAMA, "modules_to_save": ["lm_head"]}),
    "trainable_token_indices": ("llama", {"target_modules": LLAMA, "trainable_token_indices": [1, 2]}),
    "layer_replication": ("llama", {"target_modules": LLAMA, "layer_replication": [[0, 2], [1, 2]]}),
    "alora_invocation_tokens": (
        "llama",
        {"target_modules": LLAMA, "alora_invocation_tokens": [1], "task_type": "CAUSAL_LM"},
    ),
    "init_lora_weights is 'pissa'": ("llama", {"target_modules": LLAMA, "init_lora_weights": "pissa"}),
    "init_lora_weights is 'olora'": ("llama", {"target_modules": LLAMA, "init_lora_weights": "olora"}),
}


def trained_adapter(base: ModelFolder, config: Any, folder: Path) -> Checkpoint:
    """An adapter saved by PEFT, each trained tensor with random numbers added."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base.path), config)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn(weight.shape, generator=generator) * 0.5)
    model.save_pretrained(Checkpoint(folder).adapter_dir)
    return Checkpoint(folder)


def merged_by_peft(base: ModelFolder, checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base.path), checkpoint.adapter_dir)
    state: dict[str, torch.Tensor] = model.merge_and_unload(safe_merge=True).state_dict()
    return state


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", FOLDED)
@pytest.mark.filterwarnings("ignore")
def test_a_kind_is_folded_as_peft_folds_it(name: str, dtype: str, tmp_path: Path) -> None:
    kind, fields = FOLDED[name]
    base = small_base(kind, tmp_path / "base", dtype=dtype)
    checkpoint = trained_adapter(base, LoraConfig(r=4, **fields), tmp_path / "trained")
    facts = write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").state_dict()
    wanted, before = merged_by_peft(base, checkpoint), AutoModelForCausalLM.from_pretrained(base.path).state_dict()
    assert found.keys() == wanted.keys()
    assert [key for key in wanted if not torch.equal(found[key], wanted[key])] == []
    assert sum(not torch.equal(wanted[key], before[key]) for key in wanted) == facts["n_tensors_moved"] > 0


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_a_kind_that_is_not_folded_is_refused_by_its_field_before_a_byte_is_written(name: str, tmp_path: Path) -> None:
    kind, fields = REFUSED[name]
    base = small_base(kind, tmp_path / "base")
    checkpoint = trained_adapter(base, LoraConfig(r=4, **fields), tmp_path / "trained")
    with pytest.raises(AdapterNotHandled, match=name):
        write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_the_page_has_a_row_of_each_kind() -> None:
    page = (project_root() / "docs" / "merge.md").read_text().replace("`", "")
    for name in (*FOLDED, *REFUSED):
        assert name.removeprefix("init_lora_weights is ").strip("'").replace(", fan_in_fan_out not set", "") in page, (
            name
        )


def test_another_method_and_an_unknown_field_are_refused_by_name(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base")
    other = trained_adapter(
        base, IA3Config(target_modules=["q_proj", "down_proj"], feedforward_modules=["down_proj"]), tmp_path / "other"
    )
    with pytest.raises(AdapterNotHandled, match=r"peft_type is .*IA3"):
        write_merge(CONFIG, base, other, "probe", tmp_path / "merged", tmp_path / "work")
    newer = trained_adapter(base, LoraConfig(r=4, target_modules=LLAMA), tmp_path / "newer")
    file = newer.adapter_dir / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"use_next_thing": True}))
    with pytest.raises(AdapterNotHandled, match="sets use_next_thing to True"):
        write_merge(CONFIG, base, newer, "probe", tmp_path / "merged", tmp_path / "work")


def test_pissa_converted_by_peft_is_plain_lora(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base")
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base.path),
        LoraConfig(r=4, target_modules=LLAMA, init_lora_weights="pissa"),
    )
    start = tmp_path / "start"
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(start)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.mul_(1.5)
    model.save_pretrained(Checkpoint(tmp_path / "c").adapter_dir, path_initial_model_for_weight_conversion=str(start))
    checkpoint = Checkpoint(tmp_path / "c")
    write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    found, wanted = load_file(tmp_path / "merged" / "model.safetensors"), merged_by_peft(base, checkpoint)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in found.items())


@pytest.mark.filterwarnings("ignore")
def test_a_copy_of_the_base_in_the_file_must_be_the_base_s(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base")
    checkpoint = trained_adapter(base, LoraConfig(r=4, target_modules=LLAMA), tmp_path / "trained")
    file = checkpoint.adapter_dir / "adapter_model.safetensors"
    head = load_file(base.path / "model.safetensors")["lm_head.weight"]
    save_file(load_file(file) | {"base_model.model.lm_head.weight": head}, file)
    facts = write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    assert facts["n_base_copies"] == 1
