"""A state is the last real token's, whatever was padded beside it, and stands in its panel's row."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from tasks.artifacts import Embeddings
from tasks.embed.batches import batch_by_length, pad_right
from tasks.embed.config import REVISION, EmbedConfig, embed_label
from tasks.embed.errors import StateNotFinite, UnusablePrompt
from tasks.embed.states import last_token_states, load_headless
from tasks.embed.write import write_states
from tasks.store.refs import ArtifactRef, Plan
from tests.model_fixtures import qwen, sentences_panel, tiny_base

PROMPTS = [
    "On 2019-03-04, AAPL.",
    "On 2019-03-04, the stock of Apple Inc. had a 5-day log return of 0.0123 and a 20-day volatility of 0.0150.",
    "Up.",
    "On 2019-03-05, the stock of Bank of America had a 30-day log return of -0.0500.",
]


def states_of(prompts: list[str], tokens_per_batch: int) -> np.ndarray:
    ids = qwen()(prompts, add_special_tokens=False)["input_ids"]
    return last_token_states(load_headless(tiny_base().path), ids, tokens_per_batch)


def test_padded_equals_unpadded() -> None:
    together, alone = states_of(PROMPTS, tokens_per_batch=1_024), states_of(PROMPTS, tokens_per_batch=64)
    one_by_one = np.concatenate([states_of([prompt], 1_024) for prompt in PROMPTS])
    scale = np.abs(one_by_one).max()
    assert np.abs(together - one_by_one).max() < 1e-4 * scale
    assert np.abs(alone - one_by_one).max() < 1e-4 * scale


def test_it_is_the_last_layers_state_of_the_last_real_token() -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_base().path)
    ids = qwen()(PROMPTS[1], return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0, -1].numpy()
    np.testing.assert_allclose(states_of(PROMPTS, 1_024)[1], expected, rtol=1e-3, atol=1e-4)


def test_rows_keep_the_panels_order(tmp_path: Path) -> None:
    panel = sentences_panel(PROMPTS + PROMPTS[::-1])
    facts = write_states(EmbedConfig(tokens_per_batch=64), panel, tiny_base(), tmp_path)
    states = Embeddings(tmp_path).states()
    assert (states.shape, states.dtype) == ((8, 32), np.float32)
    np.testing.assert_allclose(states[:4], states[:3:-1], rtol=1e-3, atol=1e-4)
    assert np.abs(states[0] - states[1]).max() > 0.01
    assert facts["n_rows"] == 8
    assert facts["n_tokens"] == 2 * sum(len(ids) for ids in qwen()(PROMPTS)["input_ids"])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 100))
def test_every_row_is_in_one_batch_and_batches_keep_the_bound(lengths: list[int], tokens_per_batch: int) -> None:
    batches = batch_by_length(lengths, tokens_per_batch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        longest = max(lengths[row] for row in rows)
        assert len(rows) == 1 or len(rows) * longest <= tokens_per_batch


def test_padding_stands_on_the_right() -> None:
    ids, mask = pad_right([[5, 6, 7], [8]])
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(("prompt", "n_tokens"), [("", 0), ("up and down " * 20, 61)])
def test_a_sentence_without_a_last_token_or_too_long_is_refused(prompt: str, n_tokens: int, tmp_path: Path) -> None:
    panel = sentences_panel(["fine", prompt])
    with pytest.raises(UnusablePrompt, match=rf"panel row 1 has {n_tokens} tokens, between 1 and max_tokens=32"):
        write_states(EmbedConfig(max_tokens=32), panel, tiny_base(), tmp_path)


def test_a_broken_model_is_named() -> None:
    model = load_headless(tiny_base().path)
    with torch.no_grad():
        model.get_input_embeddings().weight[7] = torch.nan
    with pytest.raises(StateNotFinite, match="1 of 2 rows have a state that is NaN or infinite, row 1 first"):
        last_token_states(model, [[5, 6], [5, 7]], 64)


def test_the_longest_labels_still_make_a_store_path() -> None:
    panel, model = (ArtifactRef(kind="x", label="a" * 121, key="0" * 16, digest="0" * 64) for _ in range(2))
    label = embed_label(EmbedConfig(), {"panel": panel, "model": model})
    ArtifactRef(kind="embed", label=label, key=Plan("embed", label, 1, EmbedConfig()).key, digest="0" * 64)


def test_the_same_model_and_sentences_give_the_states_this_revision_gave() -> None:
    # Rounded: the last bits are the processor's.
    known = {1: [[-0.8673, -0.3677], [-0.9316, -0.2671], [-0.3803, -0.3698], [-0.8838, -0.2845]]}
    assert states_of(PROMPTS, 1_024)[:, :2] == pytest.approx(np.array(known.get(REVISION)), abs=1e-3), (
        "the same inputs give other states: raise REVISION in tasks/embed/config.py and add the new ones here"
    )
