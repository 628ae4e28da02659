"""How often the interval finds the effect that preflight calls the smallest detectable.

Neither model knows the target; ten columns tell days and stocks apart in part, and training moves each by three of its
deviations, so that models share little: preflight's stand-in shares with the base only what it tells about days.
Preflight's `expected_power` predicts the smallest detectable effect from first panels and their base states. The base
of further panels gets a column that carries the target, so strong that the figure's mean over panels is that effect.
Run `python -m tests.simulations.power`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import SeedSequence

from tasks.premium.inference.power import expected_power
from tasks.premium.inference.replicates import Replicates
from tasks.schemas.estimates import FitName
from tests.simulations.coverage import FIGURES, ROBUST, replicates_of
from tests.simulations.processes import Process, draw_panel

PROCESS = Process(base_knows=0.0, trained_knows=0.0)
METRICS = ("lookahead", "gain")
MOVED_BY = 3.0
PLANTED = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""R2 of planted columns, between which the figure's mean is interpolated."""


@dataclass(frozen=True)
class Detection:
    """How often an effect was found.

    Args:
        metric: Figure.
        fit: Fit.
        smallest_detectable: Mean prediction, and planted.
        truth: The figure's mean over panels with the planted column.
        found: Share of panels whose interval lies above zero.
    """

    metric: str
    fit: FitName
    smallest_detectable: float
    truth: float
    found: float


def detections(
    n_panels: int, n_draws: int, metrics: tuple[str, ...] = METRICS, n_first: int = 5
) -> Iterator[Detection]:
    """Plant each smallest detectable effect and look for it.

    Args:
        n_panels: Panels in which to look, and panels of which the mean is the true effect of a planted column.
        n_draws: Two-way draws, of preflight and of each panel.
        metrics: Figures.
        n_first: Panels over which the prediction is averaged.
    """
    # One measurement of a panel has every figure and fit.
    without_draws = [[_measured(r2, 0, seed) for seed in SeedSequence(1).spawn(n_panels)] for r2 in PLANTED]
    for (metric, fit), effect in _predicted(n_draws, n_first).items():
        if metric in metrics:
            figure = FIGURES[metric]
            means = [np.mean([figure(*own[fit]).point for own in panels]) for panels in without_draws]
            r2 = float(np.interp(effect, means, PLANTED))
            drawn = (_measured(r2, n_draws, seed) for seed in SeedSequence(2).spawn(n_panels))
            found = [figure(*own[fit]).estimate() for own in drawn]
            yield Detection(
                metric=metric,
                fit=fit,
                smallest_detectable=effect,
                truth=float(np.mean([own.point for own in found])),
                found=float(np.mean([own.interval is not None and own.interval[0] > 0 for own in found])),
            )


def _predicted(n_draws: int, n_first: int) -> dict[tuple[str, FitName], float]:
    """Smallest detectable effect by metric and fit, the mean over first panels: one panel's prediction is a draw."""
    robust = ROBUST.model_copy(update={"n_power_draws": n_draws})
    found = [
        expected_power(draw_panel(PROCESS, np.random.default_rng(seed)), "states", PROCESS.config, robust)
        for seed in range(n_first)
    ]
    return {
        (own[0].metric, own[0].fit): float(np.mean([power.smallest_detectable for power in own]))
        for own in zip(*found, strict=True)
    }


def _measured(r2: float, n_draws: int, seed: SeedSequence) -> dict[FitName, tuple[Replicates, Replicates]]:
    """One panel whose base has a planted column."""
    rng = np.random.default_rng(seed)
    rows = draw_panel(PROCESS, rng)
    base = rows.states["base"]
    planted = np.sqrt(r2) * rows.target + np.sqrt(1 - r2) * rng.normal(size=len(rows.target))
    trained = (base + MOVED_BY * rng.normal(size=base.shape)) / np.sqrt(1 + MOVED_BY**2)
    states = {"base": np.column_stack([base, planted]), "trained": trained}
    return replicates_of(PROCESS, replace(rows, states=states), n_draws, rng)


def main() -> None:
    """Print how often each effect was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="panels per effect")
    parser.add_argument("--draws", type=int, default=100, help="draws per panel")
    args = parser.parse_args()
    print("| figure | fit | smallest detectable | its mean over panels | found |\n|---|---|---|---|---|")
    for own in detections(args.n, args.draws):
        print(f"| {own.metric} | {own.fit} | {own.smallest_detectable:.3f} | {own.truth:.3f} | {own.found:.2f} |")


if __name__ == "__main__":
    main()
