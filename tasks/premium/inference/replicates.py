"""A figure with what its intervals are made of: differences of R2 under schemes that share less and less."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.inference.evaluate import UNDEFINED
from tasks.premium.inference.jackknife import jackknife
from tasks.premium.inference.two_way import MIN_DRAWS, percentile_interval
from tasks.premium.rows import BoolArray, FloatArray
from tasks.schemas.scores import Estimate

ON, OFF, DATE_DISJOINT, DISJOINT = range(4)
SCHEMES = ("on", "off", "date_disjoint", "disjoint")


@dataclass(frozen=True)
class Replicates:
    """A figure, or one per scheme, on all rows, on bootstrap draws, and without one group of days at a time.

    Args:
        point: (...,) the figure.
        draws: (n_kept, ...) the figure on each kept draw; empty where none were made.
        left_out: (n_groups, ...) the figure without each group of days.
    """

    point: FloatArray
    draws: FloatArray
    left_out: FloatArray

    def __sub__(self, other: "Replicates") -> "Replicates":
        """The paired difference."""
        return Replicates(self.point - other.point, self.draws - other.draws, self.left_out - other.left_out)

    def under(self, scheme: int) -> "Replicates":
        """One scheme's figure."""
        return Replicates(self.point[scheme], self.draws[:, scheme], self.left_out[:, scheme])

    @property
    def premium(self) -> "Replicates":
        """What sharing days and knowing the past is worth: on - off."""
        return self.under(ON) - self.under(OFF)

    @property
    def shared_day_effect(self) -> "Replicates":
        """What sharing days is worth: on - disjoint, on the same test rows."""
        return self.under(ON) - self.under(DISJOINT)

    def estimate(self, is_drawn: bool = True) -> Estimate:
        """The figure with its intervals; `is_drawn` is whether two-way draws were made of it at all."""
        point = float(self.point)
        if not np.isfinite(point):
            return Estimate(point=None, why_none=UNDEFINED)
        se, ends = jackknife(point, self.left_out) or (None, None)
        kept = f"{len(self.draws)} two-way draws were kept" if is_drawn else "no two-way draws were made of it"
        reasons = [
            f"{kept}, an interval needs {MIN_DRAWS}" * (len(self.draws) < MIN_DRAWS),
            "not defined without one of the groups of days, so that there is no jackknife" * (se is None),
        ]
        return Estimate(
            point=point,
            two_way=percentile_interval(self.draws),
            jackknife_se=se,
            jackknife=ends,
            why_none="; ".join(filter(None, reasons)),
        )


def keep_defined(draws: Sequence[FloatArray]) -> tuple[BoolArray, dict[str, int]]:
    """Which draws define every scheme of every model; differences need the same draws on both sides.

    Args:
        draws: (n_draws, n_schemes) of each model.

    Returns:
        (n_draws,) whether it is kept; and the dropped ones, each counted under its first undefined scheme.
    """
    undefined = np.isnan(np.stack(draws)).max(axis=0)
    kept: BoolArray = ~undefined.max(axis=1)
    reasons = Counter(f"undefined_{SCHEMES[scheme]}" for scheme in undefined[~kept].argmax(axis=1))
    return kept, dict(sorted(reasons.items()))
