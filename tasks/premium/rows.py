"""The panel's rows with the models' states as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.premium.errors import BadPanel, StatesDoNotFit, UnknownModel
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray
from tasks.schemas.artifacts import Embeddings, Panel

SMALLEST, LARGEST = 1e-100, 1e100
"""Bounds on the largest absolute value of a column: sums of squares of such columns are ordinary floats."""


NOT_EMBEDDED = "the sentences without their day were not embedded; set embed.undated."
BROUGHT_ALONG = "the first model's vectors were brought along, and none of sentences without their day are among them."


@dataclass(frozen=True, eq=False)
class Repeat:
    """A model's states of some rows, computed a second time with other arithmetic.

    Args:
        settings: What differs the second time.
        states: (n_rows, hidden) float32; NaN in rows that were not repeated.
    """

    settings: str
    states: NDArray[np.float32]


@dataclass(frozen=True)
class Rows:
    """A panel as arrays.

    Args:
        labels: One per row: code, date, label_from, label_until, and leg_1, leg_2 where a code is a pair.
        target: (n_rows,) returns.
        numeric: (n_rows, n_numeric) the panel's features, float64.
        states: (n_rows, hidden) float32 by model.
        undated: States of the sentences without their day, by model, where they were embedded.
        repeats: States computed a second time, by model that was embedded twice.
        why_not_undated: Why there are none of the first model, and how to get them.
        kept: (n_rows,) row numbers in the panel, where rows were left out.
    """

    labels: pd.DataFrame
    target: FloatArray
    numeric: FloatArray
    states: Mapping[str, NDArray[np.float32]]
    undated: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    repeats: Mapping[str, Repeat] = field(default_factory=dict)
    why_not_undated: str = NOT_EMBEDDED
    kept: IntArray | None = None

    @property
    def first_model(self) -> str:
        """The reference model: controls are made from it, and others are compared with it."""
        return next(iter(self.states))

    @property
    def stocks(self) -> IntArray:
        """(n_rows,) stocks numbered in the order of their codes."""
        return np.unique(self.labels["code"], return_inverse=True)[1]

    @property
    def numbers(self) -> IntArray:
        """(n_rows,) row numbers in the panel."""
        return np.arange(len(self.target)) if self.kept is None else self.kept

    def is_train(self, train_until: date) -> BoolArray:
        """(n_rows,) whether the row's day is on or before the cut."""
        return (self.labels["date"] <= pd.Timestamp(train_until)).to_numpy()

    def only(self, chosen: BoolArray) -> "Rows":
        """Some of the rows, in their order."""
        return replace(
            self,
            labels=self.labels[chosen].reset_index(drop=True),
            target=self.target[chosen],
            numeric=self.numeric[chosen],
            states={model: own[chosen] for model, own in self.states.items()},
            undated={model: own[chosen] for model, own in self.undated.items()},
            repeats={model: replace(own, states=own.states[chosen]) for model, own in self.repeats.items()},
            kept=self.numbers[chosen],
        )

    def n_columns(self, model: str) -> int:
        """Width of `columns`."""
        return int(self.states[model].shape[1] + self.numeric.shape[1])

    def columns(self, model: str) -> FloatArray:
        """(n_rows, hidden + n_numeric) a model's states beside the numeric features, unscaled."""
        return beside(self.states[model], self.numeric)


def beside(states: np.ndarray, numeric: FloatArray) -> FloatArray:
    """States and numeric features side by side. In float32 the reference's scores would be off by 5e-7."""
    return np.hstack([states.astype(np.float64), numeric])


def read_rows(inputs: Mapping[str, Path], reference: str | None = None) -> Rows:
    """Read a panel and its models' states, the reference's first and the others in alphabetical order.

    The order is that of the figures: differences of two read `base - trained` and `placebo - trained`.

    Args:
        inputs: Folders of `panel` and of each model's states, by the model's name.
        reference: Name of the first model; the first by name if left out.

    Raises:
        UnknownModel: If there is no model, or none of that name.
        StatesDoNotFit: If states do not match the panel row for row, are of other sentences, or are not finite.
    """
    panel, names = Panel(inputs["panel"]), sorted(set(inputs) - {"panel"})
    check_models(names, [reference] if reference else [])
    models = {model: Embeddings(inputs[model]) for model in sorted(names, key=lambda name: (name != reference, name))}
    for model, embeddings in models.items():
        _check_sentences(embeddings, model, panel)
    undated = {model: states for model, own in models.items() if (states := own.undated()) is not None}
    why_not = BROUGHT_ALONG if models[next(iter(models))].were_brought_along else NOT_EMBEDDED
    rows = make_rows(panel.rows(), {model: own.states() for model, own in models.items()}, undated, why_not)
    return replace(
        rows, repeats={model: found for model, own in models.items() if (found := _repeat(own, rows, model))}
    )


def make_rows(
    table: pd.DataFrame,
    states: Mapping[str, np.ndarray],
    undated: Mapping[str, np.ndarray],
    why_not_undated: str = NOT_EMBEDDED,
) -> Rows:
    """Put a panel's table and its models' states together.

    Args:
        table: Labels, the panel's features, target and, where there are any, sentences; one row per stock and day.
        states: (n_rows, width) by model.
        undated: The same of the sentences without their day.
        why_not_undated: Why there are no states of sentences without their day.

    Raises:
        StatesDoNotFit: If states have another number of rows, or are not finite, or too large or small to square.
        BadPanel: If the target or a feature is.
    """
    numeric = Panel.features_among(map(str, table))
    for name in ("target", *numeric):
        if extreme := _extreme_size(table[[name]].to_numpy(np.float64)):
            raise BadPanel(f"the largest absolute value of the panel's {name} {extreme}; state it in other units.")
    return Rows(
        labels=table.drop(columns=[*numeric, "target", *Panel.TEXTS], errors="ignore"),
        target=table["target"].to_numpy(np.float64),
        numeric=table[numeric].to_numpy(np.float64),
        states={model: _checked(own, model, len(table)) for model, own in states.items()},
        undated={model: _checked(own, f"{model} (undated)", len(table)) for model, own in undated.items()},
        why_not_undated=why_not_undated,
    )


def check_models(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise UnknownModel if there is no model, or if one that a config names is not among them."""
    if not names:
        raise UnknownModel("no model's embeddings were passed; the premium stage needs at least one model.")
    for name in wanted:
        if name not in names:
            raise UnknownModel(
                f"premium.reference or premium.compared names model {name!r}; the models of this run are "
                f"{', '.join(names)}."
            )


def _repeat(embeddings: Embeddings, rows: Rows, model: str) -> Repeat | None:
    found = embeddings.repeat()
    if found is None:
        return None
    states = np.full_like(rows.states[model], np.nan)
    states[found.rows] = _checked(found.states, f"{model} (repeat)", len(found.rows))
    return Repeat(found.settings, states)


def _check_sentences(states: Embeddings, model: str, panel: Panel) -> None:
    what, embedded, wanted = states.origin(panel)
    if embedded != wanted:
        raise StatesDoNotFit(
            f"states of the {model} model were made from {what} that hash to {embedded[:12] or 'nothing recorded'}, "
            f"the panel's hash to {wanted[:12]}; embed this panel again."
        )


def _checked(states: np.ndarray, model: str, n_rows: int) -> np.ndarray:
    if states.ndim != 2 or len(states) != n_rows:
        raise StatesDoNotFit(
            f"states of the {model} model have shape {states.shape}, the panel has {n_rows} rows; "
            "embed this panel again."
        )
    if n_broken := int((~np.isfinite(states).all(axis=1)).sum()):
        raise StatesDoNotFit(
            f"states of the {model} model are not finite in {n_broken} of {len(states)} rows, all must be; "
            "the model is broken, or its number format is too narrow for it."
        )
    if extreme := _extreme_size(states):
        raise StatesDoNotFit(
            f"the largest absolute value in a column of the {model} model's states {extreme}; rescale them."
        )
    return states


def _extreme_size(columns: np.ndarray) -> str:
    """What is wrong with a column that cannot be squared; empty if all can, zeros among them."""
    largest = np.maximum(columns.max(axis=0, initial=0), -columns.min(axis=0, initial=0)).astype(np.float64)
    extreme = largest[(largest > LARGEST) | ((largest < SMALLEST) & (largest > 0))]
    return f"is {extreme[0]:.3g}, it must be from {SMALLEST:g} to {LARGEST:g}, or 0" if len(extreme) else ""
