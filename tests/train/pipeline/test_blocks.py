"""Blocks keep the corpus's order, never cross a document, and hold exactly the budget."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.train.config import TrainConfig
from tasks.train.errors import CorpusTooSmall
from tasks.train.pipeline.rows import count_steps, cut_blocks

# Ids count up through the corpus, so that a block shows where it was cut.
lengths = st.lists(st.integers(1, 70), min_size=1, max_size=12)


def numbered(lengths: list[int]) -> list[np.ndarray]:
    ends = np.cumsum(lengths)
    return [np.arange(end - length, end, dtype=np.uint32) for length, end in zip(lengths, ends, strict=True)]


@given(lengths, st.integers(16, 40), st.integers(2, 300))
def test_blocks_hold_the_budget_in_order_within_documents(lengths: list[int], sequence: int, budget: int) -> None:
    documents = numbered(lengths)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    try:
        blocks = list(cut_blocks(documents, sequence, budget))
    except CorpusTooSmall:
        # Only where the budget reaches into what no block can hold: each document's last token, at most two.
        assert budget > sum(lengths) - 2 * len(lengths)
        return
    assert sum(map(len, blocks)) == budget
    assert all(2 <= len(block) <= sequence for block in blocks)
    assert all(len(set(owner[block])) == 1 for block in blocks)
    assert np.all(np.diff(np.concatenate(blocks).astype(int)) > 0)
    assert all(np.all(np.diff(block.astype(int)) == 1) for block in blocks)


def test_a_document_is_cut_into_sequences_and_its_rest() -> None:
    assert [len(block) for block in cut_blocks(numbered([70, 20]), 32, 80)] == [32, 32, 6, 10]


def test_a_single_last_token_is_skipped() -> None:
    assert [block[0] for block in cut_blocks(numbered([33, 20]), 32, 40)] == [0, 33]


def test_the_budgets_last_block_is_never_one_token() -> None:
    assert [len(block) for block in cut_blocks(numbered([100]), 32, 65)] == [32, 31, 2]


def test_a_corpus_that_is_too_small_says_what_it_gives() -> None:
    with pytest.raises(CorpusTooSmall, match=r"token_budget=100 of training, but the corpus gives 52 tokens"):
        list(cut_blocks(numbered([33, 20]), 32, 100))


@pytest.mark.parametrize(("n_blocks", "n_steps"), [(1, 1), (8, 1), (9, 2), (16, 2)])
def test_steps_take_every_block_once(n_blocks: int, n_steps: int) -> None:
    assert count_steps(n_blocks, TrainConfig(micro_batch_size=2, gradient_accumulation_steps=4)) == n_steps
