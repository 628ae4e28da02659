"""Ladders: a family's figures by cutoff, against the tent that a share r of lookahead makes of them.

A rung that knows the targets that ended by its cutoff with R2 = r has a premium of r times a known number, and so
have R2 off and R2 disjoint (`known_truth`). So r is the slope of the rungs' figures on these numbers: a contrast
between models on the same rows and draws, in which all that the rungs share cancels.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from tasks.premium.config import PremiumConfig
from tasks.premium.inference.decompose import Decompositions
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.known_truth import expected_r2
from tasks.premium.inference.ladder_verdict import conclude_ladder
from tasks.premium.inference.power import DETECTABLE
from tasks.premium.inference.replicates import DISJOINT, OFF, Replicates
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray
from tasks.schemas.estimates import CO_PRIMARY, QUANTILE_975, Estimate
from tasks.schemas.ladders import (
    FIGURES,
    MIN_RUNGS,
    Ladder,
    LadderCourse,
    LadderFigure,
    LadderFit,
    Rung,
    Slopes,
    TentPoint,
)
from tasks.schemas.scores import Tails

DAYS_PER_YEAR = 365.25
N_TENT_POINTS = 60
SAME = 1e-9
"""Two courses over the rungs are one, relative to their size, below this."""
FLAT_TENT = "a tent over these cutoffs is flat, as it is where no cutoff lies inside the panel"
STRAIGHT_TENT = "over these cutoffs a tent is a straight line"
NO_SPREAD = "the figures do not vary over the draws"


def score_ladders(rows: Rows, config: PremiumConfig, found: Decompositions, heavy: Tails) -> dict[str, Ladder]:
    """Fit every family that the config names.

    Args:
        rows: The panel.
        config: Families and cutoffs.
        found: All models' figures on the same draws.
        heavy: How much of the test rows' squares a few of them carry.

    Returns:
        By family; one with fewer than three rungs has no fit, and says so.
    """
    return {family: _ladder(rows, config.rungs(family), config.train_until, found, heavy) for family in config.ladders}


def _ladder(rows: Rows, cutoffs: Mapping[str, date], cut: date, found: Decompositions, heavy: Tails) -> Ladder:
    # Of a row whose target ends after the cutoff, a model has read no return, though it may have read the day's news.
    ends = rows.labels["label_until"]
    rungs = [
        Rung(model=model, cutoff=cutoff, known_rows=float((ends <= pd.Timestamp(cutoff)).mean()))
        for model, cutoff in cutoffs.items()
    ]
    if len(rungs) < MIN_RUNGS:
        return Ladder(rungs=rungs, verdict="no fit", reason=f"{len(rungs)} rungs, {MIN_RUNGS} are needed")
    years = np.array([cutoff.toordinal() for cutoff in cutoffs.values()]) / DAYS_PER_YEAR
    fits = {}
    for fit in CO_PRIMARY:
        # The unscaled columns' penalty is next to nothing beside a state's sum of squares.
        penalties = {model: found.penalties[model] if fit == "standardized" else 0.0 for model in cutoffs}
        expected = [_expected(found.schemes, ends, cutoffs[model], penalties[model]) for model in cutoffs]
        own = [found.replicates[fit][model] for model in cutoffs]
        fits[fit] = fit_ladder(own, {name: np.array([each[name] for each in expected]) for name in FIGURES}, years)
    verdict, reason = conclude_ladder(fits, heavy)
    tent = _tent(found.schemes, ends, [*cutoffs.values(), cut])
    return Ladder(rungs=rungs, fits=fits, tent=tent, verdict=verdict, reason=reason)


def fit_ladder(
    models: Sequence[Replicates], expected: Mapping[LadderFigure, FloatArray], years: FloatArray
) -> LadderFit:
    """Slopes of the rungs' figures on what is expected of them.

    Args:
        models: Every scheme's R2 of each rung, on the same draws.
        expected: (n_rungs,) by figure, in units of r.
        years: (n_rungs,) cutoffs.
    """
    stacked = Replicates.side_by_side(models)
    figures = {
        "premium": Replicates.side_by_side([own.premium for own in models]),
        "off": Replicates(stacked.point[OFF], stacked.draws[:, OFF], stacked.left_out[:, OFF]),
        "disjoint": Replicates(stacked.point[DISJOINT], stacked.draws[:, DISJOINT], stacked.left_out[:, DISJOINT]),
    }
    line = years - years.mean()
    against_flat = {name: _regress(figures[name], [expected[name]]) for name in FIGURES}
    beside_line = {name: _regress(figures[name], [expected[name], line]) for name in FIGURES}
    return LadderFit(
        courses={
            name: _course(figures[name], expected[name], against_flat[name], beside_line[name]) for name in FIGURES
        },
        combined=_slopes(
            _combined([own[0] for own in against_flat.values() if own]) or FLAT_TENT,
            _combined([own[0] for own in beside_line.values() if own]) or STRAIGHT_TENT,
        ),
    )


def _regress(figures: Replicates, regressors: Sequence[FloatArray]) -> list[Replicates]:
    """Least-squares slope on each regressor beside a constant; none where one is a combination of the others."""
    design = np.column_stack([np.ones(len(regressors[0])), *regressors])
    scale = np.abs(design).max(axis=0)
    if not scale.min() > 0 or np.linalg.matrix_rank(design / scale, tol=SAME) < design.shape[1]:
        return []
    return [figures.times(weights) for weights in (np.linalg.pinv(design / scale) / scale[:, None])[1:]]


def _combined(slopes: Sequence[Replicates]) -> Replicates | str:
    """The mean of several slopes, each weighted by one over its variance over the draws; empty without a slope."""
    if not slopes:
        return ""
    together = Replicates.side_by_side(slopes)
    if not len(together.draws):
        return together.under(0)  # no figure has an interval, whatever its weight
    variances = np.var(together.draws, axis=0)
    if not (variances > 0).all():
        return NO_SPREAD
    return together.times((1 / variances) / (1 / variances).sum())


def _course(
    figures: Replicates, expected: FloatArray, against_flat: Sequence[Replicates], beside_line: Sequence[Replicates]
) -> LadderCourse:
    n_rungs = len(expected)
    distances = figures.times(np.eye(n_rungs) - 1 / n_rungs)
    slopes = _slopes(against_flat[0] if against_flat else FLAT_TENT, beside_line[0] if beside_line else STRAIGHT_TENT)
    return LadderCourse(
        **{name: getattr(slopes, name) for name in Slopes.model_fields if name != "line"},
        line=beside_line[1].estimate() if beside_line else None,
        rungs=[_about(float(figures.point[rung]), distances.under(rung).estimate()) for rung in range(n_rungs)],
        expected=expected.tolist(),
        mean=float(figures.point.mean()),
    )


def _about(point: float, distance: Estimate) -> Estimate:
    """A figure with the interval of its distance from the rungs' mean."""
    if distance.interval is None or distance.point is None:
        return Estimate(point=point, why_none=distance.why_none)
    low, high = (point + end - distance.point for end in distance.interval)
    return Estimate(point=point, interval=(low, high))


def _slopes(share: Replicates | str, beside_line: Replicates | str) -> Slopes:
    estimates = [
        Estimate(point=None, why_none=own) if isinstance(own, str) else own.estimate() for own in (share, beside_line)
    ]
    return Slopes(
        share=estimates[0],
        share_beside_line=estimates[1],
        smallest=_smallest(estimates[0]),
        smallest_beside_line=_smallest(estimates[1]),
    )


def _smallest(found: Estimate) -> float | None:
    if found.interval is None:
        return None
    return DETECTABLE / QUANTILE_975 * (found.interval[1] - found.interval[0]) / 2


def _expected(
    schemes: Sequence[Scheme], ends: pd.Series, cutoff: date, penalty: float = 0.0
) -> dict[LadderFigure, float]:
    r2 = expected_r2(schemes, (ends <= pd.Timestamp(cutoff)).to_numpy(), penalty)
    return {"premium": r2["on"] - r2["off"], "off": r2["off"], "disjoint": r2["disjoint"]}


def _tent(schemes: Sequence[Scheme], ends: pd.Series, corners: Sequence[date]) -> list[TentPoint]:
    """The premium over cutoffs on days on which targets end and on the given ones, from the oldest to the newest."""
    distinct = np.sort(ends.dt.date.unique())
    inside = distinct[np.unique(np.linspace(0, len(distinct) - 1, N_TENT_POINTS).round().astype(np.int64))]
    return [
        TentPoint(day=day, premium=_expected(schemes, ends, day)["premium"])
        for day in sorted({*inside.tolist(), *corners})
    ]
