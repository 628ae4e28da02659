"""Which rows may not be fitted on because of the days a test uses."""

from dataclasses import dataclass

import numpy as np

from tasks.premium.splits import BoolArray
from tasks.premium.splitters.labels import Labels


@dataclass(frozen=True)
class Span:
    """The days a block of test rows uses, both ends included: from its first day to its last label's last price."""

    first: np.datetime64
    last: np.datetime64


def span_of(labels: Labels, in_test: BoolArray) -> Span:
    """The span of one contiguous block of test rows.

    Args:
        labels: All rows.
        in_test: (n_rows,) the block's rows, at least one.
    """
    return Span(labels.dates[in_test].min(), labels.label_until[in_test].max())


def label_touches(labels: Labels, span: Span) -> BoolArray:
    """(n_rows,) whether any day from label_from to label_until lies in the span.

    Source: Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.1.
    """
    return (labels.label_from <= span.last) & (labels.label_until >= span.first)


def day_touches(labels: Labels, span: Span, embargo_days: int) -> BoolArray:
    """(n_rows,) whether the row's own day lies in the span or within `embargo_days` calendar days of it."""
    embargo = np.timedelta64(embargo_days, "D")
    return (labels.dates >= span.first - embargo) & (labels.dates <= span.last + embargo)


def touches(labels: Labels, span: Span, embargo_days: int) -> BoolArray:
    """(n_rows,) whether a row's label or its own day, with embargo, lies in the span: not to be fitted on."""
    return label_touches(labels, span) | day_touches(labels, span, embargo_days)
