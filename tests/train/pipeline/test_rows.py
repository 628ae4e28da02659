"""Rows of both arms, packed or not, hold the same documents' tokens in the same order, and exactly the budget."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.pipeline.rows import Rows, plan_rows, write_rows
from tests.train.pipeline.test_blocks import numbered

ARMS = (LoraArm(), FullWeightArm(n_ranks=3))
budgets_of_documents = st.lists(st.integers(2, 90), min_size=1, max_size=9).flatmap(
    lambda lengths: st.tuples(st.just(lengths), st.integers(2, max(2, sum(lengths) - 2 * len(lengths))))
)


def config(budget: int, arm: LoraArm | FullWeightArm = ARMS[0], packing: bool = False) -> TrainConfig:
    # The budgets of these tests are far below what the form allows.
    fields = {"arm": arm, "sequence_length": 16, "packing": packing, "gradient_accumulation_steps": 2}
    return TrainConfig(**fields).model_copy(update={"token_budget": budget})


def written(documents: list[np.ndarray], arm_config: TrainConfig) -> tuple[Rows, dict[str, list[Any]]]:
    with TemporaryDirectory() as folder:
        rows = write_rows(documents, arm_config, Path(folder) / "rows.arrow")
        return rows, pa.ipc.open_stream(Path(folder) / "rows.arrow").read_all().to_pydict()


def trained_tokens(rows: Rows, columns: dict[str, list[Any]]) -> list[int]:
    """The corpus's tokens in the order of the rows, without filler."""
    tokens = [token for row in columns["input_ids"] for token in row]
    return tokens[: len(tokens) - rows.n_filler_tokens]


@settings(deadline=None)
@given(budgets_of_documents)
def test_both_arms_hold_the_same_tokens_in_the_same_order_packed_or_not(drawn: tuple[list[int], int]) -> None:
    lengths, budget = drawn
    documents = numbered(lengths)
    held = [
        trained_tokens(*written(documents, config(budget, arm, packing))) for arm in ARMS for packing in (False, True)
    ]
    assert len(held[0]) == budget
    assert held[1:] == held[:1] * 3


@settings(deadline=None)
@given(budgets_of_documents, st.booleans())
def test_several_ranks_take_whole_steps_and_one_rank_takes_none_that_is_made_up(
    drawn: tuple[list[int], int], packing: bool
) -> None:
    lengths, budget = drawn
    one, several = (written(numbered(lengths), config(budget, arm, packing))[0] for arm in ARMS)
    assert one.n_filler_rows == 0
    assert several.n_rows == several.n_steps * config(budget, ARMS[1]).rows_per_step
    assert several.n_rows - several.n_filler_rows == one.n_rows
    assert several.n_filler_rows < config(budget, ARMS[1]).rows_per_step


@settings(deadline=None)
@given(budgets_of_documents, st.sampled_from(ARMS), st.booleans())
def test_the_plan_is_what_is_written(drawn: tuple[list[int], int], arm: Any, packing: bool) -> None:
    lengths, budget = drawn
    arm_config = config(budget, arm, packing)
    rows, columns = written(numbered(lengths), arm_config)
    assert plan_rows(numbered(lengths), arm_config) == rows
    assert len(columns["input_ids"]) == rows.n_rows


@settings(deadline=None)
@given(budgets_of_documents, st.sampled_from(ARMS))
def test_no_packed_token_predicts_one_of_another_piece_and_positions_restart(
    drawn: tuple[list[int], int], arm: Any
) -> None:
    lengths, budget = drawn
    owner = np.repeat(np.arange(len(lengths)), lengths)
    rows, columns = written(numbered(lengths), config(budget, arm, packing=True))
    assert columns["length"] == [16] * rows.n_rows
    left = budget
    for ids, labels, positions in zip(columns["input_ids"], columns["labels"], columns["position_ids"], strict=True):
        assert len(ids) == len(labels) == len(positions) == 16
        for place, (token, label, position) in enumerate(zip(ids, labels, positions, strict=True)):
            assert (position == 0) or (position == positions[place - 1] + 1)
            is_corpus = left > 0
            left -= 1
            if position == 0 or not is_corpus:
                assert label == -100
            else:
                assert label == token
                assert owner[ids[place - 1]] == owner[token]


def test_packed_rows_are_filled_in_order_and_a_piece_goes_on_in_the_next_row() -> None:
    rows, columns = written(numbered([10, 12, 30]), config(40, packing=True))
    assert rows == Rows(n_rows=3, n_filler_rows=0, n_filler_tokens=8, n_tokens=40, n_steps=2)
    assert columns["input_ids"][0] == list(range(16))
    assert columns["position_ids"][0] == [*range(10), *range(6)]
    assert columns["labels"][0] == [-100, *range(1, 10), -100, *range(11, 16)]
    # Pieces of the third document end with its sequence of 16, at token 38.
    assert columns["position_ids"][1] == [*range(6), *range(10)]
    assert columns["position_ids"][2] == [*range(6), *range(2), *range(8)]
    assert columns["labels"][2] == [-100, *range(33, 38), -100, 39, *[-100] * 8]


def test_unpacked_rows_hold_ids_labels_and_mask_and_filler_rows_no_label() -> None:
    rows, columns = written(numbered([20, 3]), config(23, ARMS[1]))
    assert rows == Rows(n_rows=6, n_filler_rows=3, n_filler_tokens=6, n_tokens=23, n_steps=1)
    assert [len(row) for row in columns["input_ids"]] == [16, 4, 3, 2, 2, 2]
    assert columns["labels"] == [*columns["input_ids"][:3], *[[-100, -100]] * 3]
    assert columns["attention_mask"] == [[1] * len(row) for row in columns["input_ids"]]


@pytest.mark.parametrize("packing", [False, True])
def test_steps_times_tokens_per_step_hold_the_budget(packing: bool) -> None:
    arm_config = config(96, ARMS[1], packing)
    rows, _ = written(numbered([16] * 10), arm_config)
    assert rows.n_steps * arm_config.rows_per_step * arm_config.sequence_length == rows.n_tokens
    assert rows.n_filler_rows == rows.n_filler_tokens == 0


def test_batches_of_a_million_tokens_join_without_a_seam() -> None:
    documents = numbered([1_000_003, 700_001, 900_007])
    _, columns = written(documents, TrainConfig(token_budget=2_600_000, packing=True))
    ids = np.concatenate(columns["input_ids"])[:2_600_000]
    # No document leaves one token over a sequence of 2,048 here, so that none is skipped.
    np.testing.assert_array_equal(ids, np.arange(2_600_000))
