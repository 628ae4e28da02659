"""Splits that fit on earlier days than they score."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from tasks.premium.rows import BoolArray
from tasks.premium.splitters.base import LabelSplitter, Masks, refuse_below
from tasks.premium.splitters.labels import Labels, Span, day_touches, label_touches, number_blocks, span_of


@dataclass(frozen=True)
class Chronological(LabelSplitter):
    """One split: the days up to a cut, and the days after it.

    The test span starts the day after the cut, whether or not a row was drawn there.

    Args:
        train_until: The cut, last day of the train side.
        purge: Leave out train rows whose label reaches beyond the cut; False as in contract `seed`.
        embargo_days: Calendar days up to the cut that no train row may lie in.
    """

    train_until: date
    purge: bool = True
    embargo_days: int = 0

    def __post_init__(self) -> None:
        refuse_below(self, embargo_days=0)

    @property
    def n_splits(self) -> int:
        """One."""
        return 1

    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield the one split."""
        cut = np.datetime64(self.train_until, "D")
        span = Span(cut + 1, labels.label_until.max())
        train = labels.dates <= cut
        yield Masks(train, ~train, _purged(labels, span, self.purge, self.embargo_days))


@dataclass(frozen=True)
class WalkForward(LabelSplitter):
    """Expanding: fitted on the first blocks of days, scored on the next.

    Args:
        n_folds: Splits; the distinct days are parted into one block more.
        purge: Leave out train rows whose label reaches into the test span.
        embargo_days: Calendar days before the test span that no train row may lie in.
        embargo_dates: The same in distinct days of these rows, as the seed counts them.
    """

    n_folds: int
    purge: bool = True
    embargo_days: int = 0
    embargo_dates: int = 0

    def __post_init__(self) -> None:
        refuse_below(self, n_folds=1, embargo_days=0, embargo_dates=0)

    @property
    def n_splits(self) -> int:
        """One per fold."""
        return self.n_folds

    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield folds from the shortest train side on."""
        block_of_row = number_blocks(labels.dates, self.n_folds + 1)
        for block in range(1, self.n_folds + 1):
            train, test = block_of_row < block, block_of_row == block
            purged = _purged(labels, span_of(labels, test), self.purge, self.embargo_days)
            yield Masks(train, test, purged | self._on_last_dates(labels, train))

    def _on_last_dates(self, labels: Labels, train: BoolArray) -> BoolArray:
        days = np.unique(labels.dates[train])
        return np.isin(labels.dates, days[len(days) - min(self.embargo_dates, len(days)) :])


def _purged(labels: Labels, span: Span, purge: bool, embargo_days: int) -> BoolArray:
    within = day_touches(labels, span, embargo_days)
    return within | label_touches(labels, span) if purge else within
