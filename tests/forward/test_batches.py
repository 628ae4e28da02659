"""Batches hold every text once, within their bound, padded on the right."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.forward.batches import batch_by_length, pad_right


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 100))
def test_every_row_is_in_one_batch_and_batches_keep_the_bound(lengths: list[int], tokens_per_batch: int) -> None:
    batches = batch_by_length(lengths, tokens_per_batch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        longest = max(lengths[row] for row in rows)
        assert len(rows) == 1 or len(rows) * longest <= tokens_per_batch


def test_padding_is_on_the_right() -> None:
    ids, mask = pad_right([[5, 6, 7], [8]])
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
