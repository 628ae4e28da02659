"""Very small chat models with ChatML, that read bytes: a random one, and one trained on a few sentences."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from tasks.gguf.convert import convert
from tasks.gguf.environment import export_python
from tasks.gguf.errors import ExportEnvironmentMissing
from tasks.gguf.source import stage_model
from tests.model_fixtures import scratch_folder

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
DEEPSEEK = ("<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜end▁of▁sentence｜>", "<｜Assistant｜>")


def needs_export() -> pytest.MarkDecorator:
    """Skips where the export's environment is not installed."""
    try:
        export_python()
    except ExportEnvironmentMissing as missing:
        return pytest.mark.skipif(True, reason=str(missing))
    return pytest.mark.skipif(False, reason="")


def byte_tokenizer(
    template: str | None = CHATML, special: Sequence[str] = SPECIAL, **options: object
) -> PreTrainedTokenizerFast:
    """A token per byte, two of two bytes, and special ones, ChatML's by default; the third ends an answer."""
    names = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġt", "he"]
    # llama.cpp loads no vocabulary without merges.
    merges = [("Ġ", "t"), ("h", "e")]
    tokenizer = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in special])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=special[2], chat_template=template, **options)


def chat_model(
    folder: Path,
    texts: Sequence[str] = (),
    seed: int = 0,
    n_steps: int = 60,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Path:
    """A Llama of 64 hidden numbers as transformers saves it; llama.cpp crashes with fewer.

    Args:
        folder: Where it is saved.
        texts: What it is trained on; none leaves it random.
        seed: Of the weights.
        n_steps: Of the training.
        tokenizer: None for that of ChatML.
    """
    tokenizer = tokenizer or byte_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(
            LlamaConfig(
                hidden_size=64,
                intermediate_size=128,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                vocab_size=len(tokenizer),
                max_position_embeddings=1_024,
                tie_word_embeddings=False,
                eos_token_id=2,
            )
        )
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for step in range(n_steps if texts else 0):
            ids = torch.tensor([tokenizer(texts[step % len(texts)], add_special_tokens=False)["input_ids"]])
            model(ids, labels=ids).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@cache
def staged_chat_model() -> Path:
    """A random model as the converter sees it; made once."""
    folder = scratch_folder("staged")
    stage_model(chat_model(scratch_folder("model")), folder)
    return folder


@cache
def small_gguf() -> Path:
    """Its GGUF file; made once."""
    file = scratch_folder("gguf") / "q8_0.gguf"
    convert(staged_chat_model(), file, "q8_0", "small")
    return file


def set_config(folder: Path, **values: object) -> None:
    """Change keys of a model's config.json."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
