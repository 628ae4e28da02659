"""A small dense chat model with a vocabulary of its own, and a mix of conversations and pairs that fit it."""

from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from tasks.align.config import AlignConfig
from tasks.align.write import write_examples
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import ChatExample, Message, Mix, PreferencePair, TokenizedExamples, write_lines
from tests.model_fixtures import scratch_folder

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SYSTEM = Message(role="system", content="Answer with up or down.")
WORDS = ("the euro rose against the dollar", "the yen fell", "momentum over thirty days is", "answer up", "answer down")


def question(number: int) -> Message:
    """A question whose length depends on its number."""
    return Message(role="user", content=f"{WORDS[number % 5]} {number}{' days' * (number % 7)}?")


def chats(n_chats: int) -> list[ChatExample]:
    """Every second one has a system message and an earlier turn."""
    found = []
    for number in range(n_chats):
        earlier = (SYSTEM, question(number + 1), Message(role="assistant", content="down")) if number % 2 else ()
        answer = Message(role="assistant", content=f"up, by {number} points")
        messages = (*earlier, question(number), answer)
        found.append(ChatExample(id=f"chat-{number}", source="questions", group="", messages=messages))
    return found


def pairs(n_pairs: int) -> list[PreferencePair]:
    """The chosen answers are longer."""
    return [
        PreferencePair(
            id=f"pair-{number}",
            source="outcomes",
            group="",
            prompt=(SYSTEM, question(number)),
            chosen=f"up, by {number} points",
            rejected="down",
        )
        for number in range(n_pairs)
    ]


def write_mix(folder: Path, chat_examples: list[ChatExample], preference_pairs: list[PreferencePair]) -> Mix:
    """A mix without questions."""
    write_lines(folder / "sft.jsonl", chat_examples)
    write_lines(folder / "preference.jsonl", preference_pairs)
    return Mix(folder)


@cache
def small_mix() -> Mix:
    """Twenty conversations and eleven pairs."""
    return write_mix(scratch_folder("mix"), chats(20), pairs(11))


def bpe_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with merges of these texts, and ChatML as its template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=SPECIALS, initial_alphabet=alphabet)
    tokenizer.train_from_iterator([*WORDS, "system user assistant up, by points"] * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHATML
    )


def random_qwen2(tokenizer: PreTrainedTokenizerFast, n_positions: int) -> Qwen2ForCausalLM:
    """Two layers for this tokenizer's ids, the same weights each time."""
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=n_positions,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Qwen2ForCausalLM(config)


@cache
def dense_base() -> ModelFolder:
    """A random Qwen2 of two layers."""
    folder, tokenizer = scratch_folder("dense"), bpe_tokenizer()
    random_qwen2(tokenizer, n_positions=256).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ModelFolder(folder)


def aligned(config: AlignConfig, base: ModelFolder, mix: Mix) -> TokenizedExamples:
    """The mix's examples as token ids of the base."""
    folder = scratch_folder("align")
    write_examples(config, base, mix, folder)
    return TokenizedExamples(folder)
