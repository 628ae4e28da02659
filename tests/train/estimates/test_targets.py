"""Coverage is counted per entry, at true size, and an entry that reaches nothing is refused by name."""

from functools import cache
from pathlib import Path

import pytest
from transformers import AutoConfig, CTRLConfig
from transformers.models.qwen3_5_moe.configuration_qwen3_5_moe import Qwen3_5MoeTextConfig

from tasks.train.arms import ATTENTION, DELTA_NET, ROUTED_EXPERTS, SHARED_EXPERT, LoraArm
from tasks.train.errors import NoDecoderLayer, TargetMatchesNothing
from tasks.train.estimates.targets import Coverage, coverage_of, decoder_layer
from tests.model_fixtures import tiny_base


@cache
def coverage_of_35b() -> Coverage:
    """The default targets on Qwen3.5-35B-A3B's sizes, without a weight."""
    sizes = Qwen3_5MoeTextConfig(
        vocab_size=248_320,
        hidden_size=2_048,
        num_hidden_layers=40,
        num_attention_heads=16,
        num_key_value_heads=2,
        head_dim=256,
        num_experts=256,
        num_experts_per_tok=8,
        moe_intermediate_size=512,
        shared_expert_intermediate_size=512,
        tie_word_embeddings=False,
    )
    return coverage_of(sizes, LoraArm())


@pytest.mark.parametrize(
    ("entries", "n_trainable"),
    [
        (ATTENTION, 3_440_640),
        (ATTENTION + DELTA_NET + SHARED_EXPERT, 19_169_280),
        (ATTENTION + DELTA_NET + SHARED_EXPERT + ROUTED_EXPERTS, 941_916_160),
    ],
    ids=["attention", "ten-linear", "ten-and-experts"],
)
def test_known_counts_at_35b(entries: tuple[str, ...], n_trainable: int) -> None:
    assert sum(coverage_of_35b().by_entry[entry] for entry in entries) == n_trainable


def test_all_entries_at_35b_are_949_9_million_of_34_66_billion() -> None:
    coverage = coverage_of_35b()
    assert coverage.n_trainable == sum(coverage.by_entry.values()) == 949_927_936
    assert coverage.n_parameters == 34_660_610_688


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (LoraArm(target_modules=("q_proj", "c_attn")), "LoRA target 'c_attn' in target_modules reaches no weight"),
        (LoraArm(target_parameters=("mlp.experts.w1",)), "'mlp.experts.w1' in target_parameters reaches no weight"),
        # The trap itself: as modules these names would reach the shared expert only.
        (LoraArm(target_modules=ROUTED_EXPERTS[:1]), "'mlp.experts.gate_up_proj' in target_modules reaches no"),
        (LoraArm(target_modules=("nothing",), target_parameters=()), "none of the 1 LoRA targets reaches a weight"),
    ],
)
def test_a_target_that_reaches_nothing_is_refused_by_name(lora: LoraArm, message: str) -> None:
    with pytest.raises(TargetMatchesNothing, match=message):
        coverage_of(AutoConfig.from_pretrained(tiny_base().path), lora)


def test_a_base_that_does_not_say_what_must_not_be_split_is_refused(tmp_path: Path) -> None:
    CTRLConfig(vocab_size=8, n_embd=8, dff=8, n_layer=1, n_head=1).save_pretrained(tmp_path)
    with pytest.raises(NoDecoderLayer, match="CTRLLMHeadModel holds 0 classes of layers that must not be split"):
        decoder_layer(tmp_path)
