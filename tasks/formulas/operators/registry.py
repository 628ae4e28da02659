"""What an operator is, and the table of all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Compute = Callable[..., FloatArray]
Group = Literal["elementwise", "window", "cross-section"]

NO_VARIANCE = 1e-24
"""Values whose mean squared deviation is at most this share of their squared mean are constant up to rounding."""
MAX_WINDOW = 504
"""Rows that a window or a shift may span: two years of trading days."""


@dataclass(frozen=True)
class Constant:
    """A parameter that must be written as a number.

    Args:
        name: What it is.
        low: Least value.
        high: Greatest value.
        rows_before: Rows before a row's own that the operator reads, by the parameter's value; None for a parameter
            that does not change them.
    """

    name: str
    low: float
    high: float
    rows_before: Callable[[int], int] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it counts rows."""
        return self.rows_before is not None


def window(low: int = 1) -> Constant:
    """The number of rows of a window that ends with the row itself."""
    return Constant("window", low, MAX_WINDOW, lambda d: d - 1)


SHIFT = Constant("shift", 1, MAX_WINDOW, lambda d: d)
QUANTILE = Constant("quantile", 0, 1)
DECAY = Constant("decay", 0.5, 0.9999)


@dataclass(frozen=True)
class Operator:
    """A function of the language.

    Args:
        name: As it is written.
        group: Which values a result is made of.
        compute: From arrays (n_days, n_entities) and the constants to such an array.
        n_series: Number of leading arguments that are series.
        constants: The arguments after them.
        has_memory: It reads all rows before, so that no number of rows bounds what it reads.
        meaning: One sentence.
    """

    name: str
    group: Group
    compute: Compute
    n_series: int
    constants: tuple[Constant, ...]
    has_memory: bool
    meaning: str

    @property
    def signature(self) -> str:
        """As a call, such as `Corr(x, y, window)`."""
        return f"{self.name}({', '.join((*'xyz'[: self.n_series], *(each.name for each in self.constants)))})"

    def rows_before(self, constants: tuple[float, ...]) -> float:
        """Rows before a row's own that its value is made of; infinite for an operator with memory."""
        if self.has_memory:
            return np.inf
        counted = zip(self.constants, constants, strict=True)
        return sum(each.rows_before(int(value)) for each, value in counted if each.rows_before)


OPERATORS: dict[str, Operator] = {}
"""Every operator by name. Those that Python writes as signs or words have a name that cannot be called, such as `+`."""

FUTURE = frozenset({"bfill", "backfill", "center", "centered", "filtfilt", "future", "interpolate", "lead", "next"})
"""Names, in lower case, by which other languages read later rows; refused as such, not as unknown."""


def operator(
    *names: str,
    group: Group,
    n_series: int = 1,
    constants: tuple[Constant, ...] = (),
    has_memory: bool = False,
    meaning: str = "",
) -> Callable[[Compute], Compute]:
    """Add a function to the language.

    Args:
        names: Its name, and others for the same.
        group: Which values a result is made of.
        n_series: Number of its arguments that are series.
        constants: Its other arguments, which must be written as numbers.
        has_memory: It reads all rows before.
        meaning: One sentence; by default the first line of its docstring.
    """

    def add(compute: Compute) -> Compute:
        text = meaning or (compute.__doc__ or "").strip().splitlines()[0]
        for name in names:
            OPERATORS[name] = Operator(name, group, compute, n_series, constants, has_memory, text)
        return compute

    return add


def lags(x: FloatArray, d: int) -> Iterator[FloatArray]:
    """The values of d - 1 rows before, and so on to the row itself: one array each, NaN before the first row.

    A loop over a window's places, each step over all rows at once, replaces a loop over rows.
    """
    for lag in range(d - 1, -1, -1):
        yield delayed(x, lag)


def delayed(x: FloatArray, lag: int) -> FloatArray:
    """The values of `lag` rows before; NaN where there are none."""
    if lag == 0:
        return x
    shifted = np.full_like(x, np.nan)
    shifted[lag:] = x[:-lag]
    return shifted


def settled(x: FloatArray) -> FloatArray:
    """Values rounded to nine significant digits, so that what is equal but for rounding errors is a tie in a rank.

    Without it the rank of, say, two correlations of the same five ranks would follow from the order of their sums.
    """
    mantissa, exponent = np.frexp(x)
    found: FloatArray = np.ldexp(np.round(mantissa, 9), exponent)
    return found


def values(frame: Any) -> FloatArray:
    """A data frame's numbers."""
    found: FloatArray = frame.to_numpy(dtype=np.float64)
    return found
