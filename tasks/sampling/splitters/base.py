"""What all splitters share: scikit-learn's API, checked labels, and an error where a side is empty."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable

from tasks.sampling.arrays import BoolArray, IntArray, Split
from tasks.sampling.errors import BadSplitter, EmptySplit
from tasks.sampling.splitters.labels import Labels, read_labels


@dataclass(frozen=True)
class Masks:
    """One split as (n_rows,) masks, before purged rows are taken out of train."""

    train: BoolArray
    test: BoolArray
    purged: BoolArray

    def split(self) -> Split:
        """As row positions; a purged row is not a train row."""
        return Split(*(np.flatnonzero(own) for own in (self.train & ~self.purged, self.test, self.train & self.purged)))


class LabelSplitter(BaseCrossValidator):  # type: ignore[misc]
    """A cross-validator that reads each row's stock and days from `groups`, the panel's table of labels.

    It follows scikit-learn's convention: pass it as `cv` and the labels as `groups` (with metadata routing as
    `params={"groups": labels}`). Splits are the same on every call.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from hindsight import DateDisjoint
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.model_selection import cross_val_score
        >>> days = pd.date_range("2020-01-01", periods=30)
        >>> labels = pd.DataFrame({"code": "A", "date": days, "label_from": days, "label_until": days})
        >>> signal = np.arange(30.0)[:, None]
        >>> cross_val_score(Ridge(), signal, signal[:, 0], groups=labels, cv=DateDisjoint(n_blocks=3)).round(2).tolist()
        [1.0, 1.0, 1.0]
    """

    # scikit-learn then routes groups to it by default, as to its own group splitters.
    __metadata_request__split = {"groups": True}
    _LEAST: ClassVar[Mapping[str, int]] = {}
    """Least value of each number the splitter takes."""

    def __post_init__(self) -> None:
        for name, least in self._LEAST.items():
            if (value := getattr(self, name)) < least:
                raise BadSplitter(f"{name} of {type(self).__name__} is {value}, it must be at least {least}; raise it.")

    @abstractmethod
    def _masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield the splits of checked labels, the earliest days first."""

    def purged_splits(self, table: object) -> Iterator[Split]:
        """Split the rows; each split also names the rows it purged.

        Args:
            table: Labels, one per row: code, date, label_from, label_until and, for pairs, leg_1 and leg_2.

        Raises:
            BadLabels: If they cannot be read.
            EmptySplit: If a split has no train rows or no test rows.
        """
        for number, masks in enumerate(self._masks(read_labels(table)), start=1):
            split = masks.split()
            if not len(split.train) or not len(split.test):
                raise EmptySplit(
                    f"split {number} of {self} has {len(split.train)} rows to fit on ({len(split.purged)} purged) and "
                    f"{len(split.test)} to score, each side needs one; take fewer folds or blocks, a shorter embargo, "
                    "or more stocks and days."
                )
            yield split

    def split(
        self,
        X: Any,  # noqa: N803 (scikit-learn's name)
        y: Any = None,
        groups: pd.DataFrame | None = None,
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield (train, test) row positions, as scikit-learn's splitters do; `groups` is the table of labels."""
        indexable(X, y, groups)
        for split in self.purged_splits(groups):
            yield split.train, split.test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803 (its name too)
        """Number of splits, for any rows: one per fold of stocks and block of days."""
        return prod(getattr(self, name, 1) for name in ("n_folds", "n_blocks"))
