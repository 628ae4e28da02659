"""Splits that fit on earlier days than they score."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from tasks.sampling.arrays import BoolArray
from tasks.sampling.splitters.base import LabelSplitter, Masks
from tasks.sampling.splitters.labels import Labels, Span, number_blocks, purged_by, span_of


@dataclass(unsafe_hash=True)
class Chronological(LabelSplitter):
    """One split: the days up to a cut, and the days after it.

    The test span starts the day after the cut, whether or not a row is dated there.

    Args:
        train_until: The cut, last day of the train side.
        purge: Leave out train rows whose label reaches beyond the cut; the reference does not.
        embargo_days: Calendar days up to the cut without train rows.

    Examples:
        >>> from datetime import date
        >>> import pandas as pd
        >>> from hindsight import Chronological
        >>> days = pd.date_range("2020-12-29", periods=5)
        >>> labels = pd.DataFrame({"code": "A", "date": days, "label_from": days, "label_until": days})
        >>> labels["label_until"] += pd.Timedelta(days=1)
        >>> [(split.train.tolist(), split.purged.tolist(), split.test.tolist())
        ...  for split in Chronological(date(2020, 12, 31)).purged_splits(labels)]
        [([0, 1], [2], [3, 4])]
    """

    train_until: date
    purge: bool = True
    embargo_days: int = 0

    _LEAST = {"embargo_days": 0}

    def _masks(self, labels: Labels) -> Iterator[Masks]:
        cut = np.datetime64(self.train_until, "D")
        span = Span(cut + 1, labels.label_until.max())
        train = labels.dates <= cut
        yield Masks(train, ~train, purged_by(labels, span, self.embargo_days, self.purge))


@dataclass(unsafe_hash=True)
class WalkForward(LabelSplitter):
    """Expanding window: fitted on the first blocks of days, scored on the next.

    Args:
        n_folds: Splits; the distinct days form one block more.
        purge: Leave out train rows whose label reaches into the test span.
        embargo_days: Calendar days before the test span without train rows.
        embargo_dates: The same in distinct days of these rows, as the reference counts them.

    Examples:
        >>> import pandas as pd
        >>> from hindsight import WalkForward
        >>> days = pd.date_range("2020-01-01", periods=4)
        >>> labels = pd.DataFrame({"code": "A", "date": days, "label_from": days, "label_until": days})
        >>> [(a.tolist(), b.tolist()) for a, b in WalkForward(n_folds=3).split(labels, groups=labels)]
        [([0], [1]), ([0, 1], [2]), ([0, 1, 2], [3])]
    """

    n_folds: int
    purge: bool = True
    embargo_days: int = 0
    embargo_dates: int = 0

    _LEAST = {"n_folds": 1, "embargo_days": 0, "embargo_dates": 0}

    def _masks(self, labels: Labels) -> Iterator[Masks]:
        block_of_row = number_blocks(labels.dates, self.n_folds + 1)
        for block in range(1, self.n_folds + 1):
            train, test = block_of_row < block, block_of_row == block
            purged = purged_by(labels, span_of(labels, test), self.embargo_days, self.purge)
            yield Masks(train, test, purged | self._on_last_dates(labels, train))

    def _on_last_dates(self, labels: Labels, train: BoolArray) -> BoolArray:
        days = np.unique(labels.dates[train])
        return np.isin(labels.dates, days[len(days) - min(self.embargo_dates, len(days)) :])
