"""The six ways of splitting a panel whose differences make the decomposition."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.evaluate import Scheme
from tasks.sampling.arrays import IntArray, Split
from tasks.sampling.errors import Unscorable
from tasks.sampling.splitters import (
    Chronological,
    DateDisjoint,
    LabelSplitter,
    StockAndDateDisjoint,
    StockDisjoint,
    WalkForward,
    split_facts,
)
from tasks.sampling.splitters.labels import number_blocks
from tasks.schemas.scores import SplitFacts

MAX_WALK_FORWARD_FOLDS = 5
"""The reference's."""


def make_schemes(labels: pd.DataFrame, config: PremiumConfig) -> tuple[list[Scheme], list[SplitFacts]]:
    """Split the rows in the six ways.

    Args:
        labels: The panel's table of labels.
        config: Cut, folds, blocks of days, embargo and seed; the defaults of `robust` where it is null.

    Returns:
        Schemes `on`, stock-disjoint as in the reference; `off`, chronological and purged; `date_disjoint`, a fold per
        block; `disjoint`, in both, whose fold i pools all blocks and so tests the rows that fold i of `on` tests;
        `matched`, as `on` with as many train rows as `disjoint`; and `walk_forward`, all folds pooled. And, in the same
        order, how many rows each used, purged and left out, and how many train rows violate its test span.

    Raises:
        BadLabels: If the labels cannot be read.
        Unscorable: If the rows cannot be split in one of the ways: too few stocks or days, or an empty side.
    """
    robust = config.robust or RobustConfig()
    n_folds, n_blocks, embargo_days = config.n_folds, robust.n_date_blocks, robust.embargo_days
    splitters: dict[str, LabelSplitter] = {
        "on": StockDisjoint(n_folds),
        "off": Chronological(config.train_until, embargo_days=embargo_days),
        "date_disjoint": DateDisjoint(n_blocks, embargo_days),
        "disjoint": StockAndDateDisjoint(n_folds, n_blocks, embargo_days),
    }
    schemes = []
    for name, splitter in splitters.items():
        splits = list(splitter.purged_splits(labels))
        # A fold is one split, but in `disjoint` it is all blocks of one fold of stocks, which follow each other.
        n_pooled = n_blocks if name == "disjoint" else 1
        schemes.append(Scheme(name, [splits[first : first + n_pooled] for first in range(0, len(splits), n_pooled)]))
    on, _, _, disjoint = schemes
    schemes.append(_matched(on, disjoint, number_blocks(labels["date"].to_numpy(), n_blocks), labels, config.seed))
    schemes.append(Scheme("walk_forward", [_walk_forward(labels, embargo_days)]))
    return schemes, [split_facts(scheme.name, scheme.splits, labels) for scheme in schemes]


def _walk_forward(labels: pd.DataFrame, embargo_days: int) -> list[Split]:
    """Folds of the expanding window: fewer where an embargo or a few days leave nothing to fit the first one on."""
    for n_folds in range(MAX_WALK_FORWARD_FOLDS, 1, -1):
        try:
            return list(WalkForward(n_folds, embargo_days=embargo_days).purged_splits(labels))
        except Unscorable:
            continue
    return list(WalkForward(1, embargo_days=embargo_days).purged_splits(labels))


def _matched(on: Scheme, disjoint: Scheme, block_of_row: IntArray, labels: pd.DataFrame, seed: int) -> Scheme:
    """Stock-disjoint folds of the disjoint folds' size: what a fit loses by having fewer rows, without losing the days.

    Each fold is scored in two halves of the blocks of days. The fit of a half drops a run of days of the other half,
    from a random day on, until it has as many rows as the disjoint fits of its blocks have on average, to a day's rows.
    Where the other half is too short for that, as with two blocks or a long embargo, every day loses some rows.
    """
    day_of_row = np.unique(labels["date"].to_numpy(), return_inverse=True)[1]
    rng = np.random.default_rng([seed, 3])
    in_first = block_of_row < (block_of_row.max() + 1) // 2
    runs = [(is_half, _days_from(day_of_row[~is_half], rng)) for is_half in (in_first, ~in_first)]
    folds = []
    for (whole,), blocks in zip(on.folds, disjoint.folds, strict=True):
        fold = []
        for is_half, days in runs:
            wanted = round(np.mean([len(split.train) for split in blocks if is_half[split.test[0]]]))
            train = _without_days(whole.train, day_of_row, days, len(whole.train) - wanted)
            if not np.isin(day_of_row[train], days).any():
                train = _thinned(train, day_of_row, wanted, rng)
            fold.append(Split(train, whole.test[is_half[whole.test]]))
        folds.append([split for split in fold if len(split.test)])
    return Scheme("matched", folds)


def _thinned(train: IntArray, day_of_row: IntArray, n_rows: int, rng: np.random.Generator) -> IntArray:
    """At most `n_rows` of the train rows, about equally much of every day and at least one row of it."""
    by_day = pd.Series(rng.random(len(train))).groupby(day_of_row[train])
    drawn_before = (by_day.rank() - 1) / by_day.transform("size")
    return np.sort(train[np.argsort(drawn_before.to_numpy(), kind="stable")[:n_rows]])


def _days_from(days: IntArray, rng: np.random.Generator) -> IntArray:
    """Distinct days in their order, from a random one on and round to it again."""
    distinct = np.unique(days)
    return np.roll(distinct, -int(rng.integers(len(distinct))))


def _without_days(train: IntArray, day_of_row: IntArray, days: Sequence[int] | IntArray, n_dropped: int) -> IntArray:
    """Train rows without the first of the given days, as many as bring the number of dropped rows closest."""
    n_by_day = np.bincount(day_of_row[train], minlength=day_of_row.max() + 1)[days]
    n_days = int(np.argmin(np.abs(np.concatenate([[0], np.cumsum(n_by_day)]) - n_dropped)))
    return train[~np.isin(day_of_row[train], days[:n_days])]
