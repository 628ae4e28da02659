"""The operators of the formula language, over arrays of (n_days, n_entities).

registry: what an operator is, and the table of all. arithmetic: element by element. rolling: windows that
pandas computes. qlib: other windows as qlib defines them. windows: others that must be full. risk: windows for risk
measures. cross_section: over the entities of a day.
"""

from tasks.formulas.operators import arithmetic, cross_section, qlib, risk, rolling, windows
from tasks.formulas.operators.registry import FUTURE, OPERATORS, Constant, Operator

__all__ = [
    "FUTURE",
    "OPERATORS",
    "Constant",
    "Operator",
    "arithmetic",
    "cross_section",
    "qlib",
    "risk",
    "rolling",
    "windows",
]
