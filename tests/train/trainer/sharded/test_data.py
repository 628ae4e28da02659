"""Rows go to ranks in the corpus's order, and none is left out, shown twice or counted though it is a filler."""

from pathlib import Path

import pyarrow as pa
import pytest
import torch

from tasks.train.trainer.sharded.data import IGNORED, Rows
from tasks.train.trainer.sharded.errors import SettingsRefused

# Row i holds i + 2 times the id i; the last is a filler.
N_ROWS = 8


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [[index] * (index + 2) for index in range(N_ROWS - 1)] + [[0, 0]]
    labels = [*rows[:-1], [IGNORED, IGNORED]]
    columns = {"input_ids": rows, "attention_mask": [[1] * len(row) for row in rows], "labels": labels}
    table = pa.table(columns)
    with pa.OSFile(str(tmp_path / "blocks.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=3)
    return tmp_path / "blocks.arrow"


@pytest.mark.parametrize(("micro", "passes", "ranks"), [(1, 1, 2), (2, 1, 2), (1, 2, 2), (1, 2, 4), (2, 2, 2)])
def test_a_step_takes_its_rows_in_order_whatever_the_ranks(file: Path, micro: int, passes: int, ranks: int) -> None:
    rows = Rows(file, micro, passes, ranks, n_filler_rows=1)
    rows.refuse_other_length(N_ROWS // (micro * passes * ranks))
    seen = []
    for step in range(N_ROWS // rows.rows_per_step):
        by_rank = [list(rows.batches(step, rank)) for rank in range(ranks)]
        batches = [by_rank[rank][index] for index in range(passes) for rank in range(ranks)]
        seen += [int(length) for batch in batches for length in batch["attention_mask"].sum(1)]
    assert seen == [index + 2 for index in range(N_ROWS - 1)] + [2]


def test_shorter_rows_are_padded_where_nothing_is_looked_at_or_predicted(file: Path) -> None:
    (batch,) = Rows(file, 2, 1, 1, n_filler_rows=1).batches(0, 0)
    assert batch["input_ids"].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[0, 0, IGNORED], [1, 1, 1]]
    assert batch["labels"].dtype == torch.int64


def test_predicted_are_all_labels_but_each_rows_first_and_seen_are_all_but_the_fillers(file: Path) -> None:
    rows = Rows(file, 1, 4, 2, n_filler_rows=1)
    assert rows.n_predicted(0) == sum(index + 1 for index in range(N_ROWS - 1))
    assert rows.n_seen(0) == sum(index + 2 for index in range(N_ROWS - 1))


def test_rows_that_do_not_fill_the_steps_are_refused(file: Path) -> None:
    with pytest.raises(SettingsRefused, match="8 rows were handed over, but 3 steps of 4 rows take 12"):
        Rows(file, 2, 1, 2, n_filler_rows=0).refuse_other_length(3)


def test_packed_rows_are_refused(tmp_path: Path) -> None:
    table = pa.table({"input_ids": [[1, 2]], "labels": [[1, 2]], "position_ids": [[0, 1]]})
    with pa.OSFile(str(tmp_path / "b.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    with pytest.raises(SettingsRefused, match="packed rows want a GPU"):
        Rows(tmp_path / "b.arrow", 1, 1, 1, n_filler_rows=0)
