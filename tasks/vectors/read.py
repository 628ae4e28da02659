"""Keys and vectors from the files a user brings."""

import hashlib
import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tasks.common.unpack import unpacked
from tasks.common.urls import read_url
from tasks.vectors.config import VectorsConfig
from tasks.vectors.errors import BadVectors


def read_vectors(config: VectorsConfig) -> tuple[pd.DataFrame, np.ndarray]:
    """Read the files.

    Returns:
        Keys, columns `code` (text) and `date` (day); and (n_rows, width) float32, row for row.

    Raises:
        BadVectors: If a file cannot be read, a key is absent, or a vector has another width or is not finite.
    """
    if config.keys is None:
        table = _table(config.file, config.sha256)
        keys, vectors = _keys(table, config, config.file), _columns(table, config)
    else:
        keys = _keys(_table(config.keys, config.keys_sha256), config, config.keys)
        vectors = _npy(_content(config.file, config.sha256), config.file)
    if len(keys) != len(vectors):
        raise BadVectors(
            f"{config.file} has {len(vectors):,} vectors, {config.keys} has {len(keys):,} keys; one per row."
        )
    return keys, _checked(vectors, keys, config.file)


def _content(file: str, sha256: str | None) -> bytes:
    try:
        content = read_url(file)
    except (OSError, ImportError, ValueError) as error:
        raise BadVectors(f"{file} cannot be read: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise BadVectors(f"{file} has sha256 {found}, {sha256} is expected; correct one of the two.")
    return content


def _table(file: str, sha256: str | None) -> pd.DataFrame:
    content = _content(file, sha256)
    try:
        if file.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(content))
            # Otherwise text that is not UTF-8 is found where its column is used.
            table.validate(full=True)
            found: pd.DataFrame = table.to_pandas()
            return found
        return pd.read_csv(io.BytesIO(unpacked(content)), dtype=str)
    except Exception as error:
        # A damaged file can raise any exception: of pyarrow, zlib, or an index.
        raise BadVectors(f"{file} is no readable table: {type(error).__name__}: {str(error)[:200]}") from error


def _npy(content: bytes, file: str) -> np.ndarray:
    try:
        vectors = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:
        # Its header is Python's syntax, and names the memory to allocate: a damaged one can raise any exception.
        raise BadVectors(f"{file} is no npy file of numbers: {type(error).__name__}: {str(error)[:200]}") from error
    if not isinstance(vectors, np.ndarray):
        raise BadVectors(f"{file} is an archive of arrays; write the vectors alone, by numpy.save.")
    if vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.floating):
        raise BadVectors(f"{file} holds {vectors.dtype} of shape {vectors.shape}; (n_rows, width) floats are needed.")
    return vectors


def _keys(table: pd.DataFrame, config: VectorsConfig, file: str) -> pd.DataFrame:
    for field, column in (("entity", config.entity), ("date", config.date)):
        if column not in table:
            raise BadVectors(
                f"{file} has no column {column!r}; it has {', '.join(map(str, table.columns[:8]))}. Name it in {field}."
            )
        if absent := int(table[column].isna().sum()):
            raise BadVectors(f"column {column!r} of {file} is empty in {absent} of {len(table)} rows; fill it in.")
    try:
        days = pd.to_datetime(table[config.date], format="ISO8601")
    except (ValueError, TypeError) as error:
        raise BadVectors(
            f"column {config.date!r} of {file} does not hold days as 2021-01-31: {str(error)[:200]}"
        ) from error
    if days.dt.tz is not None:
        raise BadVectors(f"column {config.date!r} of {file} has the time zone {days.dt.tz}; take days without one.")
    return pd.DataFrame({"code": table[config.entity].astype(str), "date": days.dt.normalize()})


def _columns(table: pd.DataFrame, config: VectorsConfig) -> np.ndarray:
    if missing := [name for name in config.columns if name not in table]:
        raise BadVectors(f"{config.file} lacks {len(missing)} of the named columns, {missing[0]!r} first.")
    names = list(config.columns) or [str(name) for name in table if name not in (config.entity, config.date)]
    if len(names) == 1 and table[names[0]].dtype == object:
        return _lists(table[names[0]].tolist(), config.file, names[0])
    others = [name for name in names if not pd.api.types.is_numeric_dtype(table[name])]
    if others or not names:
        raise BadVectors(
            f"{config.file} has {len(others)} columns beside the keys that are no numbers "
            f"({', '.join(map(str, others[:3]))}); name those of the vectors in columns, or bring one column of lists."
        )
    return table[names].to_numpy(np.float64, na_value=np.nan)


def _lists(rows: list[Any], file: str, name: str) -> np.ndarray:
    widths = [len(row) if isinstance(row, np.ndarray | list | tuple) else -1 for row in rows]
    wrong = next((at for at, width in enumerate(widths) if width != widths[0] or width < 1), None)
    if wrong is not None:
        what = "no list" if widths[wrong] < 0 else f"{widths[wrong]} numbers"
        raise BadVectors(f"{name!r} of {file} has {what} in row {wrong}, {widths[0]} in row 0; all have one width.")
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), widths[0] if widths else 0)
    except (ValueError, TypeError) as error:
        raise BadVectors(f"{name!r} of {file} does not hold lists of numbers: {str(error)[:200]}") from error


def _checked(vectors: np.ndarray, keys: pd.DataFrame, file: str) -> np.ndarray:
    if not vectors.size:
        raise BadVectors(f"{file} holds no vectors.")
    with np.errstate(over="ignore"):
        narrow = vectors.astype(np.float32)
    finite = np.isfinite(narrow).all(axis=1)
    if not finite.all():
        first = keys.iloc[int(finite.argmin())]
        raise BadVectors(
            f"{(~finite).sum()} of {len(narrow)} vectors of {file} are not finite in float32, that of {first['code']} "
            f"on {first['date']:%Y-%m-%d} first; correct or rescale them."
        )
    return narrow
