"""How often a nominal 95 % interval holds the truth, where stocks share a shock each day and where they do not.

The figure is the reduction of the premium on the panels of shocks.py; its truth is its mean over separate panels.
Folds are the panel's in every draw. Run `python -m tests.simulations.coverage`: about ten minutes on two cores.
"""

import argparse
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator, SeedSequence

from tasks.common.settings import state_dir
from tasks.premium.inference.evaluate import score
from tasks.premium.inference.jackknife import jackknife, leave_out_weights
from tasks.premium.inference.two_way import multiplicities, percentile_interval, two_way_weights
from tests.simulations.shocks import FloatArray, Panel, draw_panel

N_DAY_GROUPS = 20
METHODS = ("stock draws", "day draws", "two-way draws", "day jackknife")


@dataclass(frozen=True)
class Coverage:
    """Coverage of one kind of interval."""

    coverage: float
    standard_error: float
    """Of the coverage, from the number of panels."""
    mean_width: float


def reduction(panel: Panel, weights: Iterable[FloatArray] | None = None) -> FloatArray:
    """(n_draws,) premium of the base model less that of the trained."""
    base, trained = (score(own, panel.target, panel.on_off, weights).r2[:, 0] for own in (panel.base, panel.trained))
    return (base[:, 0] - base[:, 1]) - (trained[:, 0] - trained[:, 1])


def intervals(panel: Panel, n_draws: int, rng: Generator) -> FloatArray:
    """(n_methods, 2) ends of the nominal 95 % intervals, in the order of METHODS. Folds stay as they are."""
    draws = [
        _one_way_weights(panel.labels["code"], n_draws, rng),
        _one_way_weights(panel.labels["date"], n_draws, rng),
        two_way_weights(panel.labels, n_draws, rng),
    ]
    found = [percentile_interval(reduction(panel, weights)) for weights in draws]
    left_out = jackknife(float(reduction(panel)[0]), reduction(panel, leave_out_weights(panel.labels, N_DAY_GROUPS)))
    assert left_out is not None
    return np.array([*((own.p2_5, own.p97_5) for own in found if own is not None), left_out[1]])


def _one_way_weights(units: pd.Series, n_draws: int, rng: Generator) -> FloatArray:
    numbered = np.unique(units.to_numpy(), return_inverse=True)[1]
    n_units = int(numbered.max()) + 1
    return np.array([multiplicities(n_units, rng)[numbered] for _ in range(n_draws)], dtype=np.float64)


def ends_of_panel(job: tuple[float, int, SeedSequence]) -> FloatArray:
    """Draw one panel from correlation, number of draws and seed; give its intervals' ends, (n_methods, 2)."""
    correlation, n_draws, seed = job
    rng = np.random.default_rng(seed)
    return intervals(draw_panel(correlation, rng), n_draws, rng)


def point_of_panel(job: tuple[float, int, SeedSequence]) -> float:
    """Draw one panel and give its figure."""
    correlation, _, seed = job
    return float(reduction(draw_panel(correlation, np.random.default_rng(seed)))[0])


def cover(ends: FloatArray, truth: float) -> dict[str, Coverage]:
    """Compare intervals with the truth.

    Args:
        ends: (n_panels, n_methods, 2).
        truth: What they should hold.
    """
    held = ((ends[..., 0] <= truth) & (truth <= ends[..., 1])).mean(axis=0)
    widths = (ends[..., 1] - ends[..., 0]).mean(axis=0)
    errors = np.sqrt(held * (1 - held) / len(ends))
    found = zip(METHODS, held.tolist(), errors.tolist(), widths.tolist(), strict=True)
    return {method: Coverage(*figures) for method, *figures in found}


def jobs(correlation: float, n_panels: int, n_draws: int, seed: int) -> list[tuple[float, int, SeedSequence]]:
    """One per panel, each with its own seed, so that processes do not matter."""
    return [(correlation, n_draws, own) for own in SeedSequence(seed).spawn(n_panels)]


def simulate(correlation: float, n_panels: int, n_draws: int) -> dict[str, object]:
    """Cover the truth of one correlation, on two processes; the truth is the mean of five times as many panels."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        points = np.array(pool.map(point_of_panel, jobs(correlation, 5 * n_panels, 0, seed=1), chunksize=50))
        done = pool.imap(ends_of_panel, jobs(correlation, n_panels, n_draws, seed=2), chunksize=5)
        ends = np.array(list(_reporting(done, n_panels)))
    truth, error = float(points.mean()), float(points.std(ddof=1) / np.sqrt(len(points)))
    methods = {method: asdict(own) for method, own in cover(ends, truth).items()}
    return {"truth": truth, "truth_standard_error": error, "methods": methods}


def _reporting(done: Iterable[FloatArray], n_panels: int) -> Iterator[FloatArray]:
    started = time.monotonic()
    for number, ends in enumerate(done, start=1):
        if number % 50 == 0:
            print(
                f"coverage: panel {number} of {n_panels}, {60 * number / (time.monotonic() - started):.0f} panels/min"
            )
        yield ends


def main() -> None:
    """Simulate without and with shocks, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=400, help="panels per correlation")
    parser.add_argument("--draws", type=int, default=300, help="draws per interval")
    parser.add_argument("--out", type=Path, default=state_dir() / "bench" / "coverage.json")
    args = parser.parse_args()
    # Processes side by side, not threads: both cores are taken already. Read when a process loads its BLAS.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    found = {f"{rho:.1f}": simulate(rho, args.n, args.draws) for rho in (0.0, 0.3)}
    versions = {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(
        json.dumps({"n_panels": args.n, "n_draws": args.draws, "versions": versions, "correlation": found}, indent=2)
    )
    print(table(found))


def table(found: dict[str, dict]) -> str:
    """Coverage by method and correlation, as Markdown."""
    lines = [f"| interval | {' | '.join(f'rho = {rho}' for rho in found)} |", "|---|" + "---|" * len(found)]
    for method in METHODS:
        own = [result["methods"][method] for result in found.values()]
        cells = [f"{one['coverage']:.3f} ± {one['standard_error']:.3f} (width {one['mean_width']:.2f})" for one in own]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
