"""Paired comparison of variations on the same two-way draws.

Gives the critical value that holds for all pairs at once, differences with intervals, and the selection bias of the
best figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from tasks.schemas.estimates import LEVEL, QUANTILE_975

if TYPE_CHECKING:
    import numpy as np

MIN_DRAWS = 20
"""Fewer shared draws are too few for a 95 % interval."""


@dataclass(frozen=True)
class FigureDraws:
    """A figure and its value on each draw.

    Args:
        point: On all rows.
        numbers: (n_kept,) numbers of the panel's draws.
        values: (n_kept,) the figure on each draw.
    """

    point: float
    numbers: "np.ndarray"
    values: "np.ndarray"


@dataclass(frozen=True)
class Comparison:
    """Figures on the draws that all of them share.

    Args:
        names: Of the variations.
        points: (n,) on all rows.
        centred: (n_draws, n) draws minus their own mean: a draw has fewer distinct rows, so its R2s are lower.
    """

    names: tuple[str, ...]
    points: "np.ndarray"
    centred: "np.ndarray"

    @property
    def critical_value(self) -> float:
        """Standard errors on either side that cover the true differences of all pairs at once, 95 %.

        Source: Westfall and Young (1993), Resampling-Based Multiple Testing: the maximum over studentised pairs.
        """
        import numpy as np

        n_draws, n_figures = self.centred.shape
        largest = np.zeros(n_draws)
        for column in range(n_figures - 1):
            pairs = self.centred[:, column : column + 1] - self.centred[:, column + 1 :]
            errors = pairs.std(axis=0, ddof=1)
            # Two variations with the same states never differ: such a pair does not widen the interval.
            studentised = np.divide(np.abs(pairs), errors, out=np.zeros_like(pairs), where=errors > 0)
            largest = np.maximum(largest, studentised.max(axis=1))
        # A few hundred draws' quantile is itself a draw: never below the interval of a single pair.
        return max(QUANTILE_975, float(np.quantile(largest, LEVEL / 100)))

    def difference(self, name: str, other: str, critical_value: float) -> tuple[float, float, float]:
        """One figure minus another, and the ends of an interval of so many standard errors on either side."""
        first, second = self.names.index(name), self.names.index(other)
        difference = float(self.points[first] - self.points[second])
        error = float((self.centred[:, first] - self.centred[:, second]).std(ddof=1))
        return difference, difference - critical_value * error, difference + critical_value * error

    def selection_bias(self, sign: int) -> float:
        """By how much the best figure is expected to look better than it is, because it was selected as the best.

        Each draw repeats the selection with the observed figures as the truth: the excess of the draw's winner over
        its own figure is the bias.

        Args:
            sign: 1 where the highest is best, -1 where the lowest is.
        """
        import numpy as np

        excess = sign * self.centred
        winners = (sign * self.points + excess).argmax(axis=1)
        return float(np.take_along_axis(excess, winners[:, None], axis=1).mean())


def compare(draws: Mapping[str, FigureDraws]) -> Comparison | None:
    """Align figures on the draws that all of them have.

    Args:
        draws: By variation; all from the same draws of the same panel.

    Returns:
        None if there is one variation, or fewer than MIN_DRAWS shared draws.
    """
    import numpy as np

    if len(draws) < 2:
        return None
    numbers = reduce(np.intersect1d, (found.numbers for found in draws.values()))
    if len(numbers) < MIN_DRAWS:
        return None
    values = np.column_stack([found.values[np.isin(found.numbers, numbers)] for found in draws.values()])
    points = np.array([found.point for found in draws.values()])
    return Comparison(tuple(draws), points, values - values.mean(axis=0))
