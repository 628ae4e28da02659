"""Ways to part a panel's rows, with scikit-learn's API: `split(X, y, groups=labels)`. Pictures: docs/splitters.md."""

from tasks.premium.splitters.audit import audit, split_facts
from tasks.premium.splitters.base import LabelSplitter, Part
from tasks.premium.splitters.combinatorial import CombinatorialPurged
from tasks.premium.splitters.disjoint import DateDisjoint, StockAndDateDisjoint, StockDisjoint
from tasks.premium.splitters.time_order import Chronological, WalkForward

__all__ = [
    "Chronological",
    "CombinatorialPurged",
    "DateDisjoint",
    "LabelSplitter",
    "Part",
    "StockAndDateDisjoint",
    "StockDisjoint",
    "WalkForward",
    "audit",
    "split_facts",
]
