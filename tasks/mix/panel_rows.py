"""The panel's rows: which may be trained on, which are asked about, and draws of them by pair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from tasks.mix.config import MixConfig
from tasks.sampling.arrays import BoolArray, IntArray
from tasks.sampling.cut import Cut, find_cut
from tasks.sampling.errors import BadHoldout
from tasks.sampling.pairs import check_pairs, horizon_of
from tasks.schemas.artifacts import Panel


def generator(*parts: object) -> np.random.Generator:
    """A random generator of what is named alone, so that one row's draws do not depend on how many others there are."""
    return np.random.default_rng(int.from_bytes(sha256(repr(parts).encode()).digest()[:16], "big"))


@dataclass(frozen=True, eq=False)
class PanelRows:
    """Checked rows of currency pairs.

    Args:
        table: The panel's rows in its order, numbered from 0.
        cut: End of the training and first day of the hold-out.
        last_day: Last day of an example; its label ends before the hold-out as well.
        horizon: Weekdays from a row's day to its label's last.
    """

    table: pd.DataFrame
    cut: Cut
    last_day: date
    horizon: int

    @classmethod
    def of(cls, panel: pd.DataFrame, config: MixConfig) -> "PanelRows":
        """Check a panel and divide its days.

        Raises:
            NotPairs: If the panel has no legs, or a pair lacks one.
            PriceGap: If a pair's prices have a gap longer than the features' window.
            BadHoldout: If the hold-out is empty, begins before the training ends, or leaves no row to train on.
        """
        check_pairs(panel, config.max_gap_days)
        cut = find_cut(panel["date"], config)
        last_day = min(cut.train_until, cut.holdout_from - timedelta(days=1 + config.embargo_days))
        rows = cls(panel.reset_index(drop=True), cut, last_day, horizon_of(panel))
        if not rows.is_train.any():
            raise BadHoldout(
                f"no row has a day up to {last_day}, by train_until={cut.train_until} and "
                f"embargo_days={config.embargo_days}, and a label that ends before holdout_from={cut.holdout_from}; "
                "start the hold-out later or shorten the embargo."
            )
        return rows

    @cached_property
    def is_train(self) -> BoolArray:
        """(n_rows,) whether day and label end early enough to be trained on."""
        until = self.table["date"] <= pd.Timestamp(self.last_day)
        return (until & (self.table["label_until"] < pd.Timestamp(self.cut.holdout_from))).to_numpy()

    @cached_property
    def is_holdout(self) -> BoolArray:
        """(n_rows,) whether a row may be asked about."""
        return (self.table["date"] >= pd.Timestamp(self.cut.holdout_from)).to_numpy()

    def within(self, first_day: date | None, last_day: date | None) -> BoolArray:
        """(n_rows,) whether a row's day lies between two days, both included; None bounds nothing."""
        days = self.table["date"]
        inside = days.between(pd.Timestamp(first_day or date.min), pd.Timestamp(last_day or date.max))
        return inside.to_numpy()

    def may_train(self, day: date | None, label_until: date | None) -> bool:
        """Whether an example of a day, whose answer knows what happened until another one, may be trained on.

        Without a day, label_until is taken for it, since a prompt's day is not after it. Without both, it may.
        """
        if (last := day or label_until) is None:
            return True
        return last <= self.last_day and (label_until or last) < self.cut.holdout_from

    @cached_property
    def features(self) -> list[str]:
        """Columns that are features."""
        return Panel.features_among(self.table.columns)

    def draw(self, n_per_pair: int, usable: BoolArray, *parts: object) -> Iterator[tuple[str, IntArray]]:
        """Draw rows without replacement, pair by pair.

        Args:
            n_per_pair: Rows of each pair; all of one that has fewer.
            usable: (n_rows,) rows to draw from.
            *parts: What the draw is named by, seed first.

        Yields:
            A pair and the positions of its rows, ascending.
        """
        for code, own in sorted(self._of_pair.items()):
            found = own[usable[own]]
            if len(found) > n_per_pair:
                found = np.sort(generator(*parts, code).choice(found, n_per_pair, replace=False))
            yield code, found

    def records(self, positions: IntArray) -> list[Mapping[Any, Any]]:
        """Rows as mappings by column."""
        return [*self.table.iloc[positions].to_dict("records")]

    @cached_property
    def _of_pair(self) -> Mapping[str, IntArray]:
        return {str(code): np.asarray(own) for code, own in self.table.groupby("code").indices.items()}
