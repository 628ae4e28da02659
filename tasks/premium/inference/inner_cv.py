"""Choose the penalty of standardized columns, by cross-validation over blocks of days of the rows up to the cut."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.premium.gram.cells import CellGrams, Ridge
from tasks.premium.gram.devices import choose_device, one_thread
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray, IntArray, Split
from tasks.sampling.errors import Unscorable
from tasks.sampling.splitters import DateDisjoint

MAX_BLOCKS, MIN_BLOCKS = 5, 2
"""Blocks of days; fewer than MAX_BLOCKS where the days are too few for them."""
LEAST_PIVOT = 1e-11
"""As in `gram.solve`: to choose among penalties, errors need five digits and not ten."""


def choose_penalty(columns: FloatArray, rows: Rows, off: Scheme, alphas: Sequence[float]) -> float:
    """Choose one penalty for all splits of a model, so that its figures differ by their splits only.

    A penalty chosen inside each split's train side would add the choice's own noise to every difference between
    schemes. The chronological train side has no row of the days after the cut. Rows of it that other schemes test take
    part in the choice of this one number.

    Args:
        columns: (n_rows, n_columns), unscaled; standardized here by each inner train side.
        rows: Target and labels.
        off: The chronological scheme, purged.
        alphas: Penalties to choose among.

    Returns:
        The one with the smallest squared error over blocks of consecutive days, each predicted by the others, purged by
        label days; the larger one of equals.

    Raises:
        Unscorable: If the days up to the cut cannot be split in MIN_BLOCKS blocks.
    """
    descending = np.sort(alphas)[::-1].astype(np.float64)
    if len(descending) == 1:
        return float(descending[0])
    inner = inner_splits(rows.labels, off.splits[0].train)
    grams = CellGrams(columns, rows.target[:, None], inner, choose_device(), LEAST_PIVOT)
    with one_thread():
        weighted = grams.weigh(np.ones(len(rows.target)))
        functionals, _ = grams.fit(
            weighted, [Ridge(np.full(len(inner), alpha), is_standardized=True) for alpha in descending]
        )
        residuals = grams.residuals(weighted, functionals[:, :, 0])
    errors = np.einsum("sr,sar->a", grams.is_test[:, weighted.rows].astype(np.float64), residuals**2)
    return float(descending[int(np.argmin(errors))])


def inner_splits(labels: pd.DataFrame, train: IntArray) -> list[Split]:
    """Split a train side into blocks of days, as many as its days allow; each is tested by the others, purged.

    Raises:
        Unscorable: If even MIN_BLOCKS leave nothing to fit a block on.
    """
    for n_blocks in range(MAX_BLOCKS, MIN_BLOCKS - 1, -1):
        try:
            found = list(DateDisjoint(n_blocks).purged_splits(labels.iloc[train]))
        except Unscorable:
            continue
        return [Split(train[split.train], train[split.test]) for split in found]
    n_days = labels["date"].iloc[train].nunique()
    raise Unscorable(
        f"{n_days} days up to the cut are too few to choose a penalty on: {MIN_BLOCKS} blocks of them leave no row "
        "after the purge; move premium.train_until, raise panel.dates_per_stock, or set premium.robust to null."
    )
