"""Rows as an Arrow stream, as datasets reads it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.train.pipeline.packing import Batch

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def open_rows(path: Path, packed: bool) -> Iterator[Callable[[Batch], None]]:
    """A file of rows, and the function that adds to it.

    Args:
        path: File to write.
        packed: Whether rows have position_ids and length, or an attention_mask.
    """
    import pyarrow as pa

    schema = _schema(packed)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        yield lambda batch: stream.write_batch(_record_batch(batch, packed, schema))


def _schema(packed: bool) -> "pa.Schema":
    import pyarrow as pa

    lists = {"input_ids": pa.list_(pa.int32()), "labels": pa.list_(pa.int32())}
    if packed:
        return pa.schema(lists | {"position_ids": pa.list_(pa.int32()), "length": pa.int32()})
    return pa.schema(lists | {"attention_mask": pa.list_(pa.int8())})


def _record_batch(batch: Batch, packed: bool, schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    offsets = pa.array(batch.offsets)
    third = batch.positions() if packed else np.ones(len(batch.ids), np.int8)
    columns = [pa.ListArray.from_arrays(offsets, pa.array(column)) for column in (batch.ids, batch.labels, third)]
    if packed:
        columns.append(pa.array(np.diff(batch.offsets)))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
