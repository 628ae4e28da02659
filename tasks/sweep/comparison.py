"""Variations against each other on the same draws.

Which differences hold for all pairs at once, and how much the best one owes to having been picked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MIN_DRAWS = 20
"""Fewer draws that all have tell nothing of a 95 % interval."""
LEVEL = 0.95


@dataclass(frozen=True)
class Drawn:
    """A figure and its draws.

    Args:
        point: On all rows.
        numbers: (n_kept,) which draws of the panel these are.
        figures: (n_kept,) the figure on each.
    """

    point: float
    numbers: "np.ndarray"
    figures: "np.ndarray"


@dataclass(frozen=True)
class Comparison:
    """Figures side by side on the draws that all of them have.

    Args:
        names: Whose they are.
        points: (n,) on all rows.
        centred: (n_draws, n) draws less their own mean: a draw holds fewer distinct rows, so that its R2s lie lower.
    """

    names: tuple[str, ...]
    points: "np.ndarray"
    centred: "np.ndarray"

    @property
    def width(self) -> float:
        """How many standard errors on either side hold all pairs' true differences at once, 95 %.

        Source: Westfall and Young (1993), Resampling-Based Multiple Testing, the largest of all studentised pairs.
        """
        import numpy as np

        n_draws, n_figures = self.centred.shape
        largest = np.zeros(n_draws)
        for place in range(n_figures - 1):
            pairs = self.centred[:, place : place + 1] - self.centred[:, place + 1 :]
            errors = pairs.std(axis=0, ddof=1)
            # Two variations with the same states never differ: nothing to tell apart, nothing to widen for.
            studentised = np.divide(np.abs(pairs), errors, out=np.zeros_like(pairs), where=errors > 0)
            largest = np.maximum(largest, studentised.max(axis=1))
        return float(np.quantile(largest, LEVEL))

    def difference(self, name: str, other: str, width: float) -> tuple[float, float, float]:
        """Figure of one less figure of the other, and the ends of its interval.

        Args:
            name: One of the names.
            other: Another one.
            width: Standard errors on either side.
        """
        first, second = self.names.index(name), self.names.index(other)
        difference = float(self.points[first] - self.points[second])
        error = float((self.centred[:, first] - self.centred[:, second]).std(ddof=1))
        return difference, difference - width * error, difference + width * error

    def luck_of_the_best(self, sign: int) -> float:
        """By how much the best figure is expected to look better than it is, for being the best of so many.

        Each draw plays the choice again with the figures found as the truth: what the draw's winner has above its own
        figure is luck.

        Args:
            sign: 1 where the highest is best, -1 where the lowest is.
        """
        import numpy as np

        luck = sign * self.centred
        winners = (sign * self.points + luck).argmax(axis=1)
        return float(np.take_along_axis(luck, winners[:, None], axis=1).mean())


def compare(drawn: Mapping[str, Drawn]) -> Comparison | None:
    """Put figures side by side on the draws all of them have.

    Args:
        drawn: By name; all of the same draws of the same panel.

    Returns:
        None where they share fewer than MIN_DRAWS draws.
    """
    import numpy as np

    if len(drawn) < 2:
        return None
    numbers = _shared([one.numbers for one in drawn.values()])
    if len(numbers) < MIN_DRAWS:
        return None
    columns = [one.figures[np.isin(one.numbers, numbers)] for one in drawn.values()]
    figures = np.column_stack(columns)
    points = np.array([one.point for one in drawn.values()])
    return Comparison(tuple(drawn), points, figures - figures.mean(axis=0))


def _shared(numbers: Sequence["np.ndarray"]) -> "np.ndarray":
    import numpy as np

    shared = numbers[0]
    for others in numbers[1:]:
        shared = np.intersect1d(shared, others, assume_unique=True)
    return shared
