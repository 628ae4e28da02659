"""What all splitters share: scikit-learn's API, checked labels, and a refusal where a side comes out empty."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable

from tasks.premium.errors import BadSplitter, EmptySplit
from tasks.premium.rows import BoolArray, IntArray
from tasks.premium.splitters.labels import Labels, read_labels


@dataclass(frozen=True)
class Part:
    """One split by row positions; rows named in none of the three are left out by design.

    Args:
        train: Rows to fit on.
        test: Rows to score.
        purged: Rows that would be train, if their label or the embargo did not touch the test span.
    """

    train: IntArray
    test: IntArray
    purged: IntArray


@dataclass(frozen=True)
class Masks:
    """One split before the purge is applied: (n_rows,) each."""

    train: BoolArray
    test: BoolArray
    purged: BoolArray

    def part(self) -> Part:
        """As row positions; a purged row is no train row."""
        return Part(*(np.flatnonzero(own) for own in (self.train & ~self.purged, self.test, self.train & self.purged)))


class LabelSplitter(BaseCrossValidator):  # type: ignore[misc]
    """A cross-validator that reads each row's stock and days from `groups`, the panel's table of labels."""

    # Routed by scikit-learn without being asked for, as its own group splitters do.
    __metadata_request__split = {"groups": True}

    @abstractmethod
    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield the splits of checked labels."""

    @property
    @abstractmethod
    def n_splits(self) -> int:
        """Splits that `split` yields."""

    def parts(self, table: object) -> Iterator[Part]:
        """Part the rows, purged rows among the parts.

        Args:
            table: Labels, one per row: code, date, label_from, label_until and, for pairs, leg_1 and leg_2.

        Raises:
            BadLabels: If they cannot be read.
            EmptySplit: If a split has nothing to fit on or nothing to score.
        """
        for number, masks in enumerate(self.masks(read_labels(table)), start=1):
            part = masks.part()
            if not len(part.train) or not len(part.test):
                raise EmptySplit(
                    f"split {number} of {self} has {len(part.train)} rows to fit on ({len(part.purged)} purged) and "
                    f"{len(part.test)} to score, each side needs one; take fewer folds or blocks, a shorter embargo, "
                    "or more stocks and days."
                )
            yield part

    def split(
        self,
        X: Any,  # noqa: N803 (scikit-learn's name)
        y: Any = None,
        groups: pd.DataFrame | None = None,
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield (train, test) row positions, as scikit-learn's splitters do; `groups` is the table of labels."""
        indexable(X, y, groups)
        for part in self.parts(groups):
            yield part.train, part.test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803 (its name too)
        """Splits that `split` yields, whatever the rows."""
        return self.n_splits


def refuse_below(splitter: LabelSplitter, **bounds: int) -> None:
    """Hold a splitter's numbers against their least values.

    Raises:
        BadSplitter: If one is too small.
    """
    for name, least in bounds.items():
        if (value := getattr(splitter, name)) < least:
            raise BadSplitter(f"{name} of {type(splitter).__name__} is {value}, it must be at least {least}; raise it.")
