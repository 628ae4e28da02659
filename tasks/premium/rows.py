"""What is measured: one panel's rows with two models' columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.artifacts import Embeddings, Panel
from tasks.premium.errors import StatesDoNotFit
from tasks.premium.ridge import FloatArray
from tasks.premium.splits import BoolArray, IntArray


@dataclass(frozen=True)
class Rows:
    """A panel as arrays, or a draw from it.

    Args:
        stocks: (n_rows,) stocks numbered in the order of their codes.
        is_train: (n_rows,) whether the row's day lies on or before the cut.
        target: (n_rows,) returns.
        base: (n_rows, n_columns) states of the base model beside the numeric features, float64.
        trained: The same of the trained model.
    """

    stocks: IntArray
    is_train: BoolArray
    target: FloatArray
    base: FloatArray
    trained: FloatArray

    def take(self, positions: IntArray) -> "Rows":
        """The rows at these positions, repetitions included."""
        return Rows(*(array[positions] for array in vars(self).values()))


def read_rows(inputs: Mapping[str, Path], train_until: date) -> Rows:
    """Read a panel and both models' states of it.

    Args:
        inputs: Folders of `panel`, `base` and `trained`.
        train_until: Last day of the chronological train side.

    Raises:
        StatesDoNotFit: If states are not row for row with the panel, or not finite.
    """
    panel = Panel(inputs["panel"])
    table = panel.rows()
    numeric = table[panel.numeric_columns()].to_numpy(np.float64)
    return Rows(
        stocks=np.unique(table["code"], return_inverse=True)[1],
        is_train=(table["date"] <= pd.Timestamp(train_until)).to_numpy(),
        target=table["target"].to_numpy(np.float64),
        base=_columns(inputs, "base", numeric),
        trained=_columns(inputs, "trained", numeric),
    )


def _columns(inputs: Mapping[str, Path], model: str, numeric: FloatArray) -> FloatArray:
    states = Embeddings(inputs[model]).states()
    if states.ndim != 2 or len(states) != len(numeric):
        raise StatesDoNotFit(
            f"states of the {model} model have shape {states.shape}, the panel has {len(numeric)} rows; "
            "embed this panel again."
        )
    if n_broken := int((~np.isfinite(states).all(axis=1)).sum()):
        raise StatesDoNotFit(
            f"states of the {model} model are not finite in {n_broken} of {len(states)} rows, all must be; "
            "a model that overflows needs a wider dtype in embed."
        )
    # In float32 the contract's scores are off by 5e-7.
    return np.hstack([states.astype(np.float64), numeric])
