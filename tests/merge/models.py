"""Small models of every kind that is merged, each made once per run."""

import json
import shutil
from functools import cache
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.train.arms import LoraArm
from tests.merge.sharded_checkpoints import make_sharded
from tests.model_fixtures import scratch_folder
from tests.model_fixtures import tiny_base as published_base

NAMES = LoraArm()


@cache
def tiny_base(dtype: str = "float32") -> ModelFolder:
    """A base as the base stage publishes it, or in another number format."""
    if dtype == "float32":
        return published_base()
    folder = scratch_folder("base")
    shutil.copytree(published_base().path, folder, dirs_exist_ok=True)
    AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).save_pretrained(folder)
    return ModelFolder(folder)


@cache
def _sharded() -> Path:
    folder = scratch_folder("sharded")
    make_sharded(tiny_base().path, folder)
    return folder


def sharded_checkpoint(dtype: str) -> Checkpoint:
    """The tiny base, every weight changed, as two ranks of FSDP2 save it in `float32` or `bfloat16`."""
    return Checkpoint(_sharded() / dtype)


def placements_checkpoint() -> Checkpoint:
    """A few tensors split along other dimensions than the first."""
    return Checkpoint(_sharded() / "placements")


def as_on_the_hub(base: ModelFolder) -> ModelFolder:
    """The same weights in the layout of a multimodal repository: prefix, fused experts, vision tower, draft head."""
    folder = scratch_folder("hub")
    model = AutoModelForCausalLM.from_pretrained(base.path)
    for file in base.path.iterdir():
        if file.suffix != ".safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    text = json.loads(base.config_file.read_text())
    (folder / "config.json").write_text(
        json.dumps(
            {
                "model_type": "qwen3_5_moe",
                "architectures": ["Qwen3_5MoeForConditionalGeneration"],
                "text_config": text,
                "dtype": text["dtype"],
            }
        )
    )
    tensors = {
        name.replace("model.", "model.language_model.", 1) if name.startswith("model.") else name: tensor
        for name, tensor in model.state_dict().items()
    }
    unused = {"model.visual.patch_embed.weight": torch.ones(3, 2), "mtp.fc.weight": torch.ones(2)}
    save_file({name: tensor.contiguous() for name, tensor in (tensors | unused).items()}, folder / "model.safetensors")
    return ModelFolder(folder)


@cache
def random_adapter(scale: float, dtype: torch.dtype = torch.float32) -> Checkpoint:
    """An adapter on every default target with random factors; those that start at zero get this standard deviation."""
    folder = scratch_folder("adapter")
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # For the factors that do not start at zero.
        config = LoraConfig(
            r=4,
            lora_alpha=8,
            target_modules=list(NAMES.target_modules),
            target_parameters=list(NAMES.target_parameters),
        )
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_base().path), config)
    with torch.no_grad():
        for name, factor in model.named_parameters():
            if "lora_" in name and not factor.any():
                factor.copy_(torch.randn(factor.shape, generator=generator) * scale)
    model.save_pretrained(folder / "adapter", save_embedding_layers=False)
    return change_adapter(Checkpoint(folder), {}, dtype)


def change_adapter(
    checkpoint: Checkpoint, change: dict[str, torch.Tensor | None], dtype: torch.dtype = torch.float32
) -> Checkpoint:
    """A copy whose named tensors are replaced, or removed if None."""
    folder = scratch_folder("changed")
    (folder / "adapter").mkdir()
    config = (checkpoint.adapter_dir / "adapter_config.json").read_text()
    (folder / "adapter" / "adapter_config.json").write_text(config)
    tensors = load_file(checkpoint.adapter_dir / "adapter_model.safetensors") | change
    kept = {name: tensor.to(dtype) for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, folder / "adapter" / "adapter_model.safetensors")
    return Checkpoint(folder)
