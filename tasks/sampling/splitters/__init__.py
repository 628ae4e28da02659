"""Cross-validators for panels with scikit-learn's API: `split(X, y, groups=labels)`. Pictures: docs/splitters.md.

`labels` reads each row's stock and days and finds the rows to purge, `base` is the common class. Splitters:
`disjoint` (stocks, days or both), `time_order` (fit on the past) and `combinatorial`. `audit` counts violations.
"""

from tasks.sampling.splitters.audit import audit, split_facts
from tasks.sampling.splitters.base import LabelSplitter
from tasks.sampling.splitters.combinatorial import CombinatorialPurged
from tasks.sampling.splitters.disjoint import DateDisjoint, StockAndDateDisjoint, StockDisjoint
from tasks.sampling.splitters.time_order import Chronological, WalkForward

__all__ = [
    "Chronological",
    "CombinatorialPurged",
    "DateDisjoint",
    "LabelSplitter",
    "StockAndDateDisjoint",
    "StockDisjoint",
    "WalkForward",
    "audit",
    "split_facts",
]
