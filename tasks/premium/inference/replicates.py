"""A figure with what its intervals are made of: differences of R2 under schemes that share less and less."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.inference.evaluate import UNDEFINED
from tasks.premium.inference.jackknife import jackknife
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.sampling.two_way import MIN_DRAWS, normal_interval
from tasks.schemas.estimates import Estimate, ModelDifference

ON, OFF, DATE_DISJOINT, DISJOINT, MATCHED, WALK_FORWARD = range(6)
SCHEMES = ("on", "off", "date_disjoint", "disjoint", "matched", "walk_forward")
REQUIRED = slice(WALK_FORWARD)
"""Schemes that a draw must define. The walk-forward's first fit has a sixth of the days: a draw without it is lost for
the walk-forward alone."""


@dataclass(frozen=True)
class Replicates:
    """A figure, or one per scheme, on all rows, on bootstrap draws, and without one group of days at a time.

    Args:
        point: (...,) the figure.
        draws: (n_kept, ...) the figure on each kept two-way draw, rescaled; NaN where a target that is no co-primary
            one does not vary.
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

    def times(self, weights: FloatArray) -> "Replicates":
        """A weighted sum over the last axis, such as a contrast of several models' figures."""
        return Replicates(self.point @ weights, self.draws @ weights, self.left_out @ weights)

    @classmethod
    def side_by_side(cls, several: Sequence["Replicates"]) -> "Replicates":
        """Figures of the same draws along a new last axis."""
        return cls(*(np.stack(own, axis=-1) for own in zip(*map(_arrays, several), strict=True)))

    @property
    def premium(self) -> "Replicates":
        """What sharing days and knowing the past is worth: on - off."""
        return self.under(ON) - self.under(OFF)

    @property
    def date_disjoint_premium(self) -> "Replicates":
        """The premium with purged blocks of days in place of stock-disjoint folds: date_disjoint - off."""
        return self.under(DATE_DISJOINT) - self.under(OFF)

    @property
    def shared_day_effect(self) -> "Replicates":
        """What sharing days is worth: matched - disjoint, on the same test rows and with as many train rows."""
        return self.under(MATCHED) - self.under(DISJOINT)

    def difference(self, other: "Replicates") -> ModelDifference:
        """This model's headline figures, and the reference's reduction, less another model's."""
        paired = self - other
        return ModelDifference(
            lookahead=paired.under(DISJOINT).estimate(),
            gain=paired.under(OFF).estimate(),
            reduction=paired.premium.estimate(),
            date_disjoint_reduction=paired.date_disjoint_premium.estimate(),
            walk_forward=paired.under(WALK_FORWARD).estimate(),
        )

    def estimate(self) -> Estimate:
        """The figure with its intervals."""
        point = float(self.point)
        if not np.isfinite(point):
            return Estimate(point=None, why_none=UNDEFINED)
        se, ends = jackknife(point, self.left_out) or (None, None)
        defined = self.draws[np.isfinite(self.draws)]
        reasons = [
            f"{len(defined)} two-way draws were kept, an interval needs {MIN_DRAWS}" * (len(defined) < MIN_DRAWS),
            "not defined without one of the groups of days, so that there is no jackknife" * (se is None),
        ]
        return Estimate(
            point=point,
            interval=normal_interval(point, defined),
            jackknife_se=se,
            jackknife=ends,
            why_none="; ".join(filter(None, reasons)),
        )


def _arrays(own: Replicates) -> tuple[FloatArray, FloatArray, FloatArray]:
    return own.point, own.draws, own.left_out


def keep_defined(draws: Sequence[FloatArray]) -> tuple[BoolArray, dict[str, int]]:
    """Which draws define every required scheme of every model; differences need the same draws on both sides.

    Args:
        draws: (n_draws, n_fits, n_schemes) of each model, under the co-primary fits: they have the same target.

    Returns:
        (n_draws,) whether it is kept; and the dropped ones, each counted under its first undefined scheme.
    """
    undefined: BoolArray = np.any(~np.isfinite(np.stack(draws)[..., REQUIRED]), axis=(0, 2))
    kept: BoolArray = ~np.any(undefined, axis=1)
    reasons = Counter(f"undefined_{SCHEMES[scheme]}" for scheme in undefined[~kept].argmax(axis=1))
    return kept, dict(sorted(reasons.items()))
