"""The three splits, each with the rows on which thresholds are chosen. A figure never goes without its split's name."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.rows import DirectionRows
from tasks.sampling.arrays import IntArray, Split
from tasks.sampling.cut import Cut
from tasks.sampling.errors import BadHoldout, EmptySplit
from tasks.sampling.splitters.time_order import Chronological
from tasks.schemas.direction import SplitName


@dataclass(frozen=True, eq=False)
class Tuned:
    """A split, and a split of its train side.

    Args:
        split: Train, hold-out and purged rows.
        inner: Of the train rows: those to fit on and those to choose thresholds on; none of the hold-out.
    """

    split: Split
    inner: Split


def direction_splits(rows: DirectionRows, cut: Cut, config: EvaluateConfig) -> dict[SplitName, Tuned]:
    """Split the rows three ways.

    Args:
        rows: The panel.
        cut: Of the two chronological splits.
        config: Embargo, seed and the shares of shuffled and of tuning rows.

    Raises:
        BadHoldout: If a side of a split, or of its train side, has no row.
    """
    try:
        overlapping = _chronological(rows, cut, config, purge=False)
        chronological = _chronological(rows, cut, config, purge=True)
    except EmptySplit as error:
        raise BadHoldout(f"evaluate cannot split these rows by day: {error}") from error
    return {
        "shuffled": _shuffled(len(rows.outcome), config),
        "overlapping": overlapping,
        "chronological": chronological,
    }


def _chronological(rows: DirectionRows, cut: Cut, config: EvaluateConfig, purge: bool) -> Tuned:
    embargo_days = config.embargo_days if purge else 0
    days = rows.labels["date"]
    in_gap = (days > pd.Timestamp(cut.train_until)) & (days < pd.Timestamp(cut.holdout_from))
    used = np.flatnonzero(~in_gap)
    # The splitter's test span starts on the day after its cut.
    before = cut.holdout_from - timedelta(days=1)
    split = _split_of(rows, used, Chronological(before, purge, embargo_days))
    train_days = np.sort(days.iloc[split.train].unique())
    n_tuning = max(1, round(config.tuning_share * len(train_days)))
    tuning_from = pd.Timestamp(train_days[-min(n_tuning, len(train_days))]).date()
    inner = _split_of(rows, split.train, Chronological(tuning_from - timedelta(days=1), purge, embargo_days))
    return Tuned(split, inner)


def _split_of(rows: DirectionRows, used: IntArray, splitter: Chronological) -> Split:
    """The split of some of the rows, by their positions among all."""
    (found,) = splitter.purged_splits(rows.labels.iloc[used])
    return Split(*(used[side] for side in (found.train, found.test, found.purged)))


def _shuffled(n_rows: int, config: EvaluateConfig) -> Tuned:
    order = np.random.default_rng([config.seed, 0]).permutation(n_rows)
    test, train = _first(config.shuffled_share, order)
    tuning, fitted = _first(config.tuning_share, train)
    return Tuned(Split(np.sort(train), np.sort(test)), Split(np.sort(fitted), np.sort(tuning)))


def _first(share: float, order: IntArray) -> tuple[IntArray, IntArray]:
    """A share of some rows, at least one of them, and the others."""
    n_first = max(1, round(share * len(order)))
    return order[:n_first], order[n_first:]
