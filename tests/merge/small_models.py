"""Very small models of several architectures with a tokenizer of 40 words, for cases that need no large vocabulary."""

from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MixtralConfig,
    PreTrainedTokenizerFast,
)

from tasks.schemas.artifacts import Checkpoint, ModelFolder

WORDS = [f"w{i}" for i in range(40)]
PROMPTS = ("w1 w2 w3 w4 w5", "w30 w20 w10")
SMALL: dict[str, Any] = {"vocab_size": 40, "bos_token_id": 0, "eos_token_id": 0}
LAYERS: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
CONFIGS = {
    "llama": lambda **more: LlamaConfig(**SMALL, **LAYERS, num_key_value_heads=1, **more),
    "gpt2": lambda **more: GPT2Config(**SMALL, n_embd=16, n_layer=2, n_head=2, n_positions=32, **more),
    "pythia": lambda **more: GPTNeoXConfig(**SMALL, **LAYERS, max_position_embeddings=32, **more),
    "mixtral": lambda **more: MixtralConfig(**SMALL, **LAYERS, num_key_value_heads=1, num_local_experts=4, **more),
}


def small_base(kind: str, folder: Path, **config: Any) -> ModelFolder:
    """A random model as transformers saves it, with a tokenizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(CONFIGS[kind](**config))
        for weight in model.parameters():
            weight.data.normal_(std=0.3)
    model.to(model.config.dtype or torch.float32).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="w0").save_pretrained(folder)
    return ModelFolder(folder)


def change_files(base: ModelFolder, **changed: torch.Tensor) -> None:
    """Replace or add tensors in a base's only weight file; names have `__` for dots."""
    file = base.path / "model.safetensors"
    named = {name.replace("__", "."): tensor.contiguous() for name, tensor in changed.items()}
    save_file(load_file(file) | named, file, {"format": "pt"})


def rename_files(base: ModelFolder, rename: dict[str, str], more: dict[str, torch.Tensor]) -> None:
    """Write a base's weights under other names, by starts of names, and with more tensors."""
    file = base.path / "model.safetensors"
    renamed = {}
    for name, tensor in load_file(file).items():
        start = next((start for start in rename if name.startswith(start)), "")
        renamed[rename.get(start, "") + name.removeprefix(start)] = tensor
    save_file(renamed | more, file, {"format": "pt"})


def full_weights(base: ModelFolder, folder: Path, untied: bool = False) -> Checkpoint:
    """Every weight of a base changed, as one process saves it; `untied` changes head and embedding differently."""
    config = AutoConfig.from_pretrained(base.path, **({"tie_word_embeddings": False} if untied else {}))
    model = AutoModelForCausalLM.from_pretrained(base.path, config=config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.05)
    checkpoint = Checkpoint(folder)
    dcp.save(model.state_dict(), checkpoint_id=checkpoint.sharded_dir, no_dist=True)
    return checkpoint
