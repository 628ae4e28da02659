"""Choose a ridge penalty inside a train side, by cross-validation over blocks of days purged by label days."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.premium.gram.cells import CellGrams, Ridge
from tasks.premium.gram.devices import choose_device, one_thread
from tasks.premium.gram.tiles import Tiles
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.rows import FloatArray, IntArray, Split
from tasks.premium.splitters import DateDisjoint

BYTES_AT_ONCE = 1e9
"""Train sides are taken in groups whose Gram matrices and errors fit in this."""
LEAST_PIVOT = 1e-11
"""As in `gram.solve`: to choose among penalties, errors need five digits and not ten."""


def inner_splits(labels: pd.DataFrame, train: IntArray, n_blocks: int) -> list[Split]:
    """Split a train side into consecutive blocks of days; each is tested by the others, purged by label days.

    Raises:
        Unscorable: If there are fewer days than blocks, or the purge leaves nothing to fit a block on.
    """
    inner = DateDisjoint(n_blocks).purged_splits(labels.iloc[train])
    return [Split(train[split.train], train[split.test]) for split in inner]


def choose_penalties(
    columns: FloatArray,
    target: FloatArray,
    labels: pd.DataFrame,
    schemes: Sequence[Scheme],
    alphas: Sequence[float],
    n_blocks: int = 4,
) -> FloatArray:
    """Choose a penalty inside each split's train side, for columns standardized by their train rows.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        labels: The panel's table of labels.
        schemes: Splits whose train sides are split again.
        alphas: Penalties to choose among.
        n_blocks: Blocks of consecutive days of the inner, purged CV.

    Returns:
        (n_splits,) in the order of the schemes' splits: the penalty with the smallest squared error over all inner test
        rows, the larger one of equals.

    Raises:
        Unscorable: As `inner_splits`.
    """
    descending = np.sort(alphas)[::-1].astype(np.float64)
    inner = [inner_splits(labels, split.train, n_blocks) for scheme in schemes for split in scheme.splits]
    n_bytes = n_blocks * (Tiles.of(columns.shape[1]).n_bytes + 8 * len(alphas) * len(target))
    n_at_once = max(1, int(BYTES_AT_ONCE // n_bytes))
    with one_thread():
        groups = [inner[first : first + n_at_once] for first in range(0, len(inner), n_at_once)]
        errors = [_inner_errors(columns, target, group, descending) for group in groups]
    chosen: FloatArray = descending[np.concatenate(errors).argmin(axis=1)]
    return chosen


def _inner_errors(
    columns: FloatArray, target: FloatArray, inner: Sequence[Sequence[Split]], alphas: FloatArray
) -> FloatArray:
    """(n_train_sides, n_alphas) squared errors over the inner test rows of each train side."""
    splits = [split for own in inner for split in own]
    grams = CellGrams(columns, target[:, None], splits, choose_device(), LEAST_PIVOT)
    weighted = grams.weigh(np.ones(len(target)))
    functionals, _ = grams.fit(weighted, [Ridge(np.full(len(splits), alpha), is_standardized=True) for alpha in alphas])
    residuals = grams.residuals(weighted, functionals[:, :, 0])
    errors = np.einsum("sr,sar->sa", grams.is_test[:, weighted.rows].astype(np.float64), residuals**2)
    return np.add.reduceat(errors, np.cumsum([0, *(len(own) for own in inner[:-1])]), axis=0)


def choose_alpha(columns: FloatArray, target: FloatArray, inner: Sequence[Split], alphas: Sequence[float]) -> float:
    """Penalty with the smallest squared error over all inner test rows; the larger one of equals.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        inner: Splits of the train side.
        alphas: Penalties, for columns standardized by each inner train side.
    """
    descending = sorted(alphas, reverse=True)
    if len(descending) == 1:
        return descending[0]
    sse = np.zeros(len(descending))
    for split in inner:
        sse += ((target[split.test, None] - standardized_paths(columns, target, split, descending)) ** 2).sum(axis=0)
    return float(descending[int(np.argmin(sse))])


def standardized_paths(columns: FloatArray, target: FloatArray, split: Split, alphas: Sequence[float]) -> FloatArray:
    """Predict a split's test rows under every penalty, columns standardized by mean and deviation of its train rows.

    Returns:
        (n_test_rows, n_alphas). A column that does not vary in train has no effect.
    """
    train = columns[split.train]
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    # A constant's deviation is rounding error; dividing by it would blow up test rows.
    varies = deviation > 1e-12 * np.abs(mean)
    scale = np.where(varies, 1 / np.where(varies, deviation, 1.0), 0.0)
    test = columns[split.test]
    for side in (train, test):
        # In place: a side of 24,000 rows x 2,053 columns takes 0.4 GB.
        side -= mean
        side *= scale
    level = target[split.train].mean()
    weights = _ridge_weights(train, target[split.train] - level, np.asarray(alphas, dtype=np.float64))
    predictions: FloatArray = level + test @ weights
    return predictions


def _ridge_weights(centred: FloatArray, target: FloatArray, alphas: FloatArray) -> FloatArray:
    """(n_columns, n_alphas); one penalty is solved, several share an eigendecomposition of the smaller Gram."""
    wide = centred.shape[1] > centred.shape[0]
    gram = centred @ centred.T if wide else centred.T @ centred
    right = target if wide else centred.T @ target
    if len(alphas) == 1:
        weights = np.linalg.solve(gram + alphas[0] * np.eye(len(gram)), right)[:, None]
    else:
        values, vectors = np.linalg.eigh(gram)
        weights = vectors @ ((vectors.T @ right)[:, None] / (np.maximum(values, 0)[:, None] + alphas))
    return centred.T @ weights if wide else weights
