"""Which interval holds the truth for which figure, once models bring columns that explain nothing.

Panels are those of `shocks`, with 38 more columns that tell days apart in part: forty columns on 2,000 rows. A draw of
stocks and days holds about 40 % of the rows, so its fits are worse than the point's; what that does to each figure is
shown here.

Run `python -m tests.simulations.every_figure`: about five minutes on two cores.
"""

import argparse
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
from numpy.random import SeedSequence

from tasks.common.settings import state_dir
from tasks.premium.config import PremiumConfig
from tasks.premium.inference.evaluate import score
from tasks.premium.inference.jackknife import leave_out_weights
from tasks.premium.inference.replicates import DATE_DISJOINT, DISJOINT, OFF, ON, Replicates
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.two_way import two_way_weights
from tasks.schemas.scores import Estimate
from tests.simulations.shocks import DAYS, FloatArray, draw_panel

N_NOISE, CORRELATION, N_DAY_GROUPS = 38, 0.3, 20
FIGURES = ("on", "off", "date_disjoint", "disjoint", "premium", "shared_day_effect", "reduction", "lookahead")


def figures_of_panel(job: tuple[int, SeedSequence]) -> list[Estimate]:
    """Draw one panel and estimate every figure; without draws, the points only."""
    n_draws, seed = job
    rng = np.random.default_rng(seed)
    panel = draw_panel(CORRELATION, rng)
    day = DAYS.get_indexer(panel.labels["date"])
    noise = np.sqrt(0.5) * (rng.normal(size=(len(DAYS), N_NOISE))[day] + rng.normal(size=(len(day), N_NOISE)))
    schemes, _ = make_schemes(panel.labels, PremiumConfig())
    weights = np.concatenate(
        [
            np.ones((1, len(day))),
            leave_out_weights(panel.labels, N_DAY_GROUPS)[: N_DAY_GROUPS if n_draws else 0],
            two_way_weights(panel.labels, n_draws, rng),
        ]
    )

    def read(columns: FloatArray) -> Replicates:
        scores = score(np.hstack([columns, noise]), panel.target, schemes, weights).r2[:, 0]
        n_fixed = len(weights) - n_draws
        draws = scores[n_fixed:]
        return Replicates(scores[0], draws[np.isfinite(draws).all(axis=1)], scores[1:n_fixed])

    base, trained = read(panel.base), read(panel.trained)
    found = [base.under(scheme) for scheme in (ON, OFF, DATE_DISJOINT, DISJOINT)]
    found += [base.premium, base.shared_day_effect, base.premium - trained.premium]
    return [figure.estimate() for figure in [*found, base.under(DISJOINT) - trained.under(DISJOINT)]]


def simulate(n_panels: int, n_draws: int) -> dict[str, dict[str, float]]:
    """Coverage of both intervals, and how far the median draw lies from the point, by figure."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        points = pool.map(figures_of_panel, [(0, own) for own in SeedSequence(1).spawn(5 * n_panels)], chunksize=25)
        drawn = pool.map(figures_of_panel, [(n_draws, own) for own in SeedSequence(2).spawn(n_panels)], chunksize=5)
    return {
        name: _cover([own[place] for own in drawn], float(np.mean([own[place].point for own in points])))
        for place, name in enumerate(FIGURES)
    }


def _cover(estimates: list[Estimate], truth: float) -> dict[str, float]:
    two_way = [own.two_way for own in estimates if own.two_way]
    jackknife = [own.jackknife for own in estimates if own.jackknife]
    return {
        "truth": truth,
        "two_way": float(np.mean([own.p2_5 <= truth <= own.p97_5 for own in two_way])),
        "jackknife": float(np.mean([low <= truth <= high for low, high in jackknife])),
        "median_less_point": float(np.mean([own.two_way.p50 - own.point for own in estimates if own.two_way])),
        "n_panels": len(two_way),
    }


def main() -> None:
    """Simulate, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="panels")
    parser.add_argument("--draws", type=int, default=100, help="draws per interval")
    parser.add_argument("--out", type=Path, default=state_dir() / "bench" / "every_figure.json")
    args = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when a process loads its BLAS
    found = simulate(args.n, args.draws)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(found, indent=2))
    print("| figure | truth | two-way | day jackknife | median draw - point |\n|---|---|---|---|---|")
    for name, own in found.items():
        print(
            f"| {name} | {own['truth']:+.3f} | {own['two_way']:.2f} | {own['jackknife']:.2f} "
            f"| {own['median_less_point']:+.3f} |"
        )


if __name__ == "__main__":
    main()
