"""A state is the last real token's, independent of padding, in its panel's row."""

from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import JsonValue
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import AutoModelForCausalLM, OPTConfig

from tasks.common.threads import Workers
from tasks.embed.config import REVISION, EmbedConfig, embed_label
from tasks.embed.errors import NoUndatedSentences, StateNotFinite, UnusablePrompt
from tasks.embed.hidden_states import load_headless, pooled_states
from tasks.embed.write import write_states
from tasks.schemas.artifacts import Embeddings, ModelFolder
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.train.estimates.sizes import sizes_of
from tests.model_fixtures import qwen, sentences_panel, tiny_base

PROMPTS = [
    "On 2019-03-04, AAPL.",
    "On 2019-03-04, the stock of Apple Inc. had a 5-day log return of 0.0123 and a 20-day volatility of 0.0150.",
    "Up.",
    "On 2019-03-05, the stock of Bank of America had a 30-day log return of -0.0500.",
]
UNDATED = ["AAPL.", "The stock of Apple Inc. had a 5-day log return of 0.0123.", "Up.", "AAPL."]


def states_of(prompts: list[str], tokens_per_batch: int) -> np.ndarray:
    ids = qwen()(prompts, add_special_tokens=False)["input_ids"]
    return pooled_states(load_headless(tiny_base().path), ids, tokens_per_batch)


def test_padded_equals_unpadded() -> None:
    together, alone = states_of(PROMPTS, tokens_per_batch=1_024), states_of(PROMPTS, tokens_per_batch=64)
    one_by_one = np.concatenate([states_of([prompt], 1_024) for prompt in PROMPTS])
    scale = np.abs(one_by_one).max()
    assert np.abs(together - one_by_one).max() < 1e-4 * scale
    assert np.abs(alone - one_by_one).max() < 1e-4 * scale


@pytest.mark.parametrize("n_workers", [2, 5])
def test_batches_computed_side_by_side_have_the_bits_of_one_after_the_other(n_workers: int) -> None:
    model = load_headless(tiny_base().path)
    ids = [[7 + row % 11, *range(20, 21 + row % 17)] for row in range(120)]
    alone = pooled_states(model, ids, 64, workers=Workers(1, 1))
    assert pooled_states(model, ids, 64, workers=Workers(n_workers, 1)).tobytes() == alone.tobytes()


def test_it_is_the_last_layers_state_of_the_last_real_token() -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_base().path)
    ids = qwen()(PROMPTS[1], return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0, -1].numpy()
    np.testing.assert_allclose(states_of(PROMPTS, 1_024)[1], expected, rtol=1e-3, atol=1e-4)


def test_the_width_is_the_output_s_where_it_is_not_hidden_size(tmp_path: Path) -> None:
    # The kind of facebook/opt-350m: the last states are projected to the embedding's width.
    config = OPTConfig(
        vocab_size=40, hidden_size=16, word_embed_proj_dim=8, ffn_dim=24, num_hidden_layers=2, num_attention_heads=2
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    causal, ids = AutoModelForCausalLM.from_pretrained(tmp_path), [[5, 6, 7], [8]]
    taken: list[torch.Tensor] = []
    causal.lm_head.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0][0, -1]))
    with torch.inference_mode():
        for row in ids:
            causal(input_ids=torch.tensor([row]))
    found = pooled_states(load_headless(tmp_path), ids, 64)
    np.testing.assert_allclose(found, torch.stack(taken).numpy(), rtol=1e-4, atol=1e-5)
    assert found.shape == (2, 8) == (2, sizes_of(config).state_width)


@pytest.fixture(scope="module")
def three_times(tmp_path_factory: pytest.TempPathFactory) -> tuple[Embeddings, dict[str, JsonValue]]:
    """The prompts three times, the second time in reverse order, with and without their day."""
    folder = tmp_path_factory.mktemp("three-times")
    panel = sentences_panel(PROMPTS + PROMPTS[::-1] + PROMPTS, UNDATED + UNDATED[::-1] + UNDATED)
    facts = write_states(EmbedConfig(tokens_per_batch=64), panel, tiny_base(), folder)
    return Embeddings(folder), facts


def test_rows_keep_the_panels_order(three_times) -> None:
    states = three_times[0].states()
    assert (states.shape, states.dtype) == ((12, 32), np.float32)
    np.testing.assert_allclose(states[:4], states_of(PROMPTS, 1_024), rtol=1e-3, atol=1e-4)
    assert np.abs(states[0] - states[1]).max() > 0.01


def test_a_repeated_sentence_is_embedded_once_and_is_in_each_of_its_rows(three_times) -> None:
    found, facts = three_times
    for states in (found.states(), found.undated()):
        assert (states[:4] == states[7:3:-1]).all()
        assert (states[:4] == states[8:]).all()
    assert (facts["n_rows"], facts["n_unique"], facts["n_unique_undated"]) == (12, 4, 3)
    texts = [*PROMPTS, *dict.fromkeys(UNDATED)]
    assert facts["n_tokens"] == sum(map(len, qwen()(texts, add_special_tokens=False)["input_ids"]))


def test_undated_states_are_those_of_the_sentences_without_their_day(three_times) -> None:
    np.testing.assert_allclose(three_times[0].undated()[:4], states_of(UNDATED, 1_024), rtol=1e-3, atol=1e-4)


def test_without_the_control_there_are_no_undated_states_and_the_others_are_the_same_bytes(
    three_times, tmp_path: Path
) -> None:
    panel = sentences_panel(PROMPTS + PROMPTS[::-1] + PROMPTS, [""] * 12)
    facts = write_states(EmbedConfig(tokens_per_batch=64, undated=False), panel, tiny_base(), tmp_path)
    assert Embeddings(tmp_path).undated() is None
    assert facts["n_unique_undated"] is None
    assert (tmp_path / "states.npy").read_bytes() == (three_times[0].path / "states.npy").read_bytes()


def test_the_model_computes_with_the_recipes_threads_whatever_the_process_has(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: set[int] = set()

    def look(module: torch.nn.Module, arguments: object) -> None:
        seen.add(torch.get_num_threads())
        # As another stage of this process does meanwhile: threads that start later take its number.
        other = Thread(target=torch.set_num_threads, args=(3,))
        other.start()
        other.join()

    hook = register_module_forward_pre_hook(look)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with caplog.at_level("INFO"):
            write_states(EmbedConfig(cpu_threads=2), sentences_panel(PROMPTS, UNDATED), tiny_base(), tmp_path)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
        hook.remove()
    assert seen == {2}
    assert "batches at a time: 1, threads: 2" in caplog.text


def test_another_number_of_threads_may_give_other_bits_and_so_is_another_artifact() -> None:
    assert EmbedConfig(cpu_threads=2).identity() != EmbedConfig().identity()


def test_a_panel_without_undated_sentences_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    panel, nowhere = sentences_panel(PROMPTS, UNDATED), ModelFolder(tmp_path / "nowhere")
    pd.DataFrame({"prompt": PROMPTS}).to_parquet(panel.path / "rows.parquet")
    with pytest.raises(
        NoUndatedSentences, match=r"4 rows have no column prompt_undated, .* set embed.undated to false"
    ):
        write_states(EmbedConfig(), panel, nowhere, tmp_path)


@pytest.mark.parametrize(("prompt", "length"), [("", 0), ("up and down " * 20, 61)])
@pytest.mark.parametrize("column", ["prompt", "prompt_undated"])
def test_a_sentence_without_a_last_token_or_too_long_is_refused(
    prompt: str, length: int, column: str, tmp_path: Path
) -> None:
    sentences = {"prompt": ["fine", "also fine"], "prompt_undated": ["fine", "fine"]} | {column: ["fine", prompt]}
    panel = sentences_panel(sentences["prompt"], sentences["prompt_undated"])
    with pytest.raises(
        UnusablePrompt, match=rf"{column} of panel row 1 has {length} tokens, between 1 and max_tokens=32"
    ):
        write_states(EmbedConfig(max_tokens=32), panel, tiny_base(), tmp_path)


def test_a_broken_model_is_named() -> None:
    model = load_headless(tiny_base().path)
    with torch.no_grad():
        model.get_input_embeddings().weight[7] = torch.nan
    with pytest.raises(StateNotFinite, match=r"1 of 2 distinct sentences .* NaN or infinite, number 1 first"):
        pooled_states(model, [[5, 6], [5, 7]], 64)


def test_the_longest_labels_still_make_a_store_path() -> None:
    panel, model = (ArtifactRef(kind="x", label="a" * 121, key="0" * 16, digest="0" * 64) for _ in range(2))
    label = embed_label(EmbedConfig(), {"panel": panel, "model": model})
    ArtifactRef(kind="embed", label=label, key=ArtifactSpec("embed", label, 1, EmbedConfig()).key, digest="0" * 64)


def test_the_same_model_and_sentences_give_the_states_this_revision_gave(three_times) -> None:
    found = np.hstack([three_times[0].states()[:4, :2], three_times[0].undated()[:4, :1]])
    # Rounded: the last bits are the processor's.
    known = {
        2: [
            [-0.8673, -0.3677, -0.8694],
            [-0.9316, -0.2671, -0.8931],
            [-0.3803, -0.3698, -0.3803],
            [-0.8838, -0.2845, -0.8694],
        ]
    }
    assert found == pytest.approx(np.array(known.get(REVISION)), abs=1e-3), (
        "the same inputs give other states: raise REVISION in tasks/embed/config.py and add the new ones here"
    )
