"""Count train rows whose label uses a price of the test span, independently of the splitters' own purge."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.sampling.arrays import BoolArray, IntArray, Split
from tasks.sampling.splitters.base import LabelSplitter
from tasks.sampling.splitters.labels import Labels, read_labels
from tasks.schemas.scores import SplitFacts


def audit(splitter: LabelSplitter, labels: pd.DataFrame, name: str = "") -> SplitFacts:
    """Split the rows and count; the result is named `name`, or the splitter's `repr`.

    Raises:
        SamplingError: If the splitter cannot split these rows.

    Examples:
        >>> from hindsight import Chronological, audit
        >>> days = pd.date_range("2020-12-30", periods=4)
        >>> labels = pd.DataFrame({"code": "A", "date": days, "label_from": days, "label_until": days})
        >>> labels["label_until"] += pd.Timedelta(days=1)
        >>> cut = days[1].date()
        >>> [audit(Chronological(cut, purge=purge), labels).n_violations for purge in (True, False)]
        [0, 1]
    """
    return split_facts(name or repr(splitter), list(splitter.purged_splits(labels)), labels)


def split_facts(name: str, splits: Sequence[Split], labels: pd.DataFrame) -> SplitFacts:
    """Count the rows of given splits, and the train rows that violate them.

    A violation is a train row whose first or last price is dated inside the test span: within a run of neighbouring
    test days, among the days of these rows, extended to the last price its targets use. The spans are found from the
    test rows and marked day by day on a calendar; no code is shared with the purge.
    """
    read = read_labels(labels)
    n_train, n_test, n_purged = (sum(len(getattr(own, side)) for own in splits) for side in ("train", "test", "purged"))
    return SplitFacts(
        name=name,
        n_splits=len(splits),
        n_train_rows=n_train,
        n_test_rows=n_test,
        n_purged=n_purged,
        n_left_out=len(labels) * len(splits) - n_train - n_test - n_purged,
        n_test_days=len(np.unique(read.dates[np.concatenate([own.test for own in splits])])),
        n_violations=sum(_n_violations(read, split) for split in splits),
    )


def _n_violations(labels: Labels, split: Split) -> int:
    calendar = np.arange(min(labels.dates.min(), labels.label_from.min()), labels.label_until.max() + 1)
    in_test = _test_days(labels, split.test, calendar)
    first, last = (np.searchsorted(calendar, days[split.train]) for days in (labels.label_from, labels.label_until))
    return int((in_test[first] | in_test[last]).sum())


def _test_days(labels: Labels, test: IntArray, calendar: np.ndarray) -> BoolArray:
    days, day_of_row = np.unique(labels.dates, return_inverse=True)
    tested = np.unique(day_of_row[test])
    marked = np.zeros(len(calendar), dtype=bool)
    for run in np.split(tested, np.flatnonzero(np.diff(tested) > 1) + 1):
        last = labels.label_until[test][np.isin(day_of_row[test], run)].max()
        marked[(calendar >= days[run[0]]) & (calendar <= last)] = True
    return marked
