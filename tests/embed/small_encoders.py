"""Very small encoders and causal models with a tokenizer of 40 words, and special tokens as BERT's."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    T5Config,
)

from tasks.schemas.artifacts import ModelFolder

SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
WORDS = [*SPECIAL, *(f"w{i}" for i in range(36))]
N_POSITIONS = 16
_SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "vocab_size": 40,
    "max_position_embeddings": N_POSITIONS,
    "pad_token_id": 0,
}
_MARKS = {"cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2}
CONFIGS: dict[str, Any] = {
    "bert": lambda: BertConfig(**_SIZES),
    "modernbert": lambda: ModernBertConfig(**_SIZES, **_MARKS),
    "roberta": lambda: RobertaConfig(**(_SIZES | {"pad_token_id": 1})),
    "t5": lambda: T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2),
    "llama": lambda: LlamaConfig(**_SIZES, num_key_value_heads=1),
    "gpt2": lambda: GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=N_POSITIONS),
}
CAUSAL = ("llama", "gpt2")


def word_tokenizer(model_max_length: int = 10**30) -> PreTrainedTokenizerFast:
    """A token per word; `[CLS]` first and `[SEP]` last where special tokens are asked for."""
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=model_max_length,
    )


def small_model(kind: str, folder: Path, model_max_length: int = 10**30) -> ModelFolder:
    """A random model as transformers saves it, with its tokenizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = (AutoModelForCausalLM if kind in CAUSAL else AutoModel).from_config(CONFIGS[kind]())
        for weight in model.parameters():
            weight.data.normal_(std=0.3)
    model.save_pretrained(folder)
    word_tokenizer(model_max_length).save_pretrained(folder)
    return ModelFolder(folder)


def byte_reader(folder: Path, seed: int, **sizes_of: int) -> ModelFolder:
    """A random Llama that reads bytes, and so any sentence; made and loaded in a fraction of a second."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: i for i, byte in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    sizes = _SIZES | {"vocab_size": len(alphabet), "max_position_embeddings": 1_024} | sizes_of
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(LlamaConfig(**sizes, num_key_value_heads=1))
        for weight in model.parameters():
            weight.data.normal_(std=0.3)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return ModelFolder(folder)
