"""Vectors row for row with a panel."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import JsonValue

from tasks.schemas.artifacts import Panel
from tasks.vectors.config import VectorsConfig
from tasks.vectors.errors import KeysDoNotMatch
from tasks.vectors.read import read_vectors

log = logging.getLogger(__name__)


def write_vectors(config: VectorsConfig, panel: Panel, folder: Path) -> dict[str, JsonValue]:
    """Write an Embeddings' files.

    Args:
        config: The files and their columns.
        panel: Its rows are found by code and day.
        folder: Empty folder for the files.

    Returns:
        Facts for the record; vectors that no row uses are counted.

    Raises:
        VectorsError: If a file cannot be used, a key is given twice, or a row of the panel has no vector.
    """
    keys, vectors = read_vectors(config)
    rows = panel.rows()[["code", "date"]]
    position = positions(rows, keys)
    np.save(folder / "states.npy", vectors[position])
    (folder / "keys.sha256").write_text(panel.keys_sha256() + "\n")
    n_unused = len(vectors) - len(set(position.tolist()))
    if n_unused:
        log.warning("vectors: %d of %d belong to no row of the panel and are left out", n_unused, len(vectors))
    return {"n_rows": len(rows), "hidden": vectors.shape[1], "n_vectors": len(vectors), "n_unused": n_unused}


def positions(rows: pd.DataFrame, keys: pd.DataFrame) -> np.ndarray:
    """Find each row's vector.

    Args:
        rows: The panel's code and date.
        keys: The vectors' code, as text, and date.

    Returns:
        (n_rows,) positions among the keys.

    Raises:
        KeysDoNotMatch: If a key is given twice, or a row has none.
    """
    wanted = pd.MultiIndex.from_arrays([rows["code"].astype(str), pd.to_datetime(rows["date"]).dt.normalize()])
    given = pd.MultiIndex.from_frame(keys)
    if not given.is_unique:
        twice = given[given.duplicated()]
        raise KeysDoNotMatch(f"{len(twice)} of the vectors' {len(given)} keys are given again, {_text(twice)} first.")
    found: np.ndarray = given.get_indexer(wanted)
    if (found < 0).any():
        absent, unused = wanted[found < 0], given.difference(wanted, sort=False)
        beside = f"; {len(unused)} vectors belong to no row of the panel, {_text(unused)} first" if len(unused) else ""
        raise KeysDoNotMatch(
            f"{len(absent)} of the panel's {len(wanted)} rows have no vector, {_text(absent)} first{beside}. Bring one "
            "vector per row of the panel; codes are compared as text, days without a time."
        )
    return found


def _text(keys: pd.MultiIndex) -> str:
    code, day = keys[0]
    return f"{code} on {day:%Y-%m-%d}"
