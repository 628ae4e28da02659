"""Count, without trusting any splitter, the train rows that have seen a price of the test span."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.premium.rows import BoolArray, IntArray
from tasks.premium.splitters.base import LabelSplitter, Part
from tasks.premium.splitters.labels import Labels, read_labels
from tasks.schemas.scores import SplitFacts


def audit(splitter: LabelSplitter, labels: pd.DataFrame, name: str = "") -> SplitFacts:
    """Part the rows and count.

    Args:
        splitter: Any of this package's.
        labels: The panel's table of labels.
        name: What to call it; its own notation if empty.

    Raises:
        PremiumError: What the splitter refuses.
    """
    return split_facts(name or repr(splitter), list(splitter.parts(labels)), labels)


def split_facts(name: str, parts: Sequence[Part], labels: pd.DataFrame) -> SplitFacts:
    """Count the rows of splits that were made before, and those that violate them.

    A violation is a train row whose first or last price is dated inside the test span: within a run of neighbouring
    test days, among the days of these rows, lengthened to the last price its targets use. The spans are found anew
    from the test rows and marked day by day on a calendar; no line is shared with the purge.
    """
    read = read_labels(labels)
    n_train, n_test, n_purged = (sum(len(getattr(part, own)) for part in parts) for own in ("train", "test", "purged"))
    return SplitFacts(
        name=name,
        n_splits=len(parts),
        n_train_rows=n_train,
        n_test_rows=n_test,
        n_purged=n_purged,
        n_left_out=len(labels) * len(parts) - n_train - n_test - n_purged,
        n_violations=sum(_n_violations(read, part) for part in parts),
    )


def _n_violations(labels: Labels, part: Part) -> int:
    calendar = np.arange(min(labels.dates.min(), labels.label_from.min()), labels.label_until.max() + 1)
    in_test = _test_days(labels, part.test, calendar)
    first, last = (np.searchsorted(calendar, days[part.train]) for days in (labels.label_from, labels.label_until))
    return int((in_test[first] | in_test[last]).sum())


def _test_days(labels: Labels, test: IntArray, calendar: np.ndarray) -> BoolArray:
    days, day_of_row = np.unique(labels.dates, return_inverse=True)
    tested = np.unique(day_of_row[test])
    marked = np.zeros(len(calendar), dtype=bool)
    for run in np.split(tested, np.flatnonzero(np.diff(tested) > 1) + 1):
        last = labels.label_until[test][np.isin(day_of_row[test], run)].max()
        marked[(calendar >= days[run[0]]) & (calendar <= last)] = True
    return marked
