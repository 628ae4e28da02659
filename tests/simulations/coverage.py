"""How often nominal 95 % intervals hold the truth, for every figure that the report quotes, on nine kinds of panels.

A figure's truth is its mean over separate panels. Beside it: how many intervals are marked wide, and how often the
others hold the truth. Run `python -m tests.simulations.coverage`; a process that is done is
not done again with the same settings.
"""

import argparse
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator, SeedSequence

from tasks.common.settings import state_dir
from tasks.premium.config import RobustConfig
from tasks.premium.inference.jackknife import leave_out_weights
from tasks.premium.inference.replicates import DISJOINT, OFF, ON, WALK_FORWARD, Replicates, keep_defined
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.targets import make_targets, tails
from tasks.premium.inference.verdict import USES_R2_OFF
from tasks.premium.inference.width import is_wide
from tasks.premium.rows import Rows
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.sampling.two_way import rescaled, two_way_weights
from tasks.schemas.estimates import FITS, QUANTILE_975, Estimate, FitName
from tasks.schemas.scores import Tails
from tests.simulations.all_draws import Design
from tests.simulations.processes import PROCESSES, Process, draw_panel, labels_of

ROBUST = RobustConfig()
FIGURES: Mapping[str, Callable[[Replicates, Replicates], Replicates]] = {
    "lookahead": lambda base, trained: (base - trained).under(DISJOINT),
    "gain": lambda base, trained: (base - trained).under(OFF),
    "reduction": lambda base, trained: (base - trained).premium,
    "premium_base": lambda base, _: base.premium,
    "shared_day_effect_base": lambda base, _: base.shared_day_effect,
    "walk_forward": lambda base, trained: (base - trained).under(WALK_FORWARD),
    "date_disjoint_reduction": lambda base, trained: (base - trained).date_disjoint_premium,
    "date_disjoint_premium_base": lambda base, _: base.date_disjoint_premium,
    "walk_forward_base": lambda base, _: base.under(WALK_FORWARD),
    "on": lambda base, _: base.under(ON),
    "off": lambda base, _: base.under(OFF),
    "disjoint": lambda base, _: base.under(DISJOINT),
}
WITH_R2_OFF = (*USES_R2_OFF, "off", "date_disjoint_reduction", "date_disjoint_premium_base")
INTERVALS = ("interval", "jackknife")
"""Fields of an estimate: the quoted one, and leaving out groups of days."""
N_TRUTH = 5
"""Panels for the truth, for each one with intervals."""
Job = tuple[Process, int, SeedSequence]


@dataclass(frozen=True)
class Measured:
    """One panel: estimates by fit and figure, and the tails of its target."""

    estimates: Mapping[str, Mapping[str, Estimate]]
    tails: Tails


def replicates_of(
    process: Process, rows: Rows, n_draws: int, rng: Generator
) -> dict[FitName, tuple[Replicates, Replicates]]:
    """Measure base and trained under every fit, on all rows and, with draws, without each group of days."""
    design = _design(process)
    targets = make_targets(rows, process.config.train_until, ROBUST.tail_quantile)
    weights = np.ones((1, len(targets)))
    if n_draws:
        left_out = leave_out_weights(rows.labels, ROBUST.n_day_groups)
        weights = np.concatenate([weights, left_out, two_way_weights(rows.labels, n_draws, rng)])
    scores = []
    for model in ("base", "trained"):
        columns = rows.columns(model)
        penalty = design.penalty(columns, rows.target, ROBUST.alphas)
        scores.append(design.score(columns, targets, weights, process.config.alpha, penalty))
    n_fixed = len(weights) - n_draws
    kept, _ = keep_defined([own[n_fixed:] for own in scores])
    base, trained = (
        [
            Replicates(own[0, fit], rescaled(own[n_fixed:][kept, fit], own[0, fit]), own[1:n_fixed, fit])
            for fit in range(len(FITS))
        ]
        for own in scores
    )
    return dict(zip(FITS, zip(base, trained, strict=True), strict=True))


def measure(job: Job) -> Measured:
    """Draw one panel and estimate every figure."""
    process, n_draws, seed = job
    rng = np.random.default_rng(seed)
    rows = draw_panel(process, rng)
    estimates = {
        fit: {name: figure(*pair).estimate() for name, figure in FIGURES.items()}
        for fit, pair in replicates_of(process, rows, n_draws, rng).items()
    }
    return Measured(estimates, tails(rows.target, rows.labels["date"], ~rows.is_train(process.config.train_until)))


def is_marked(measured: Measured, fit: str, name: str) -> bool:
    """Whether the stage marks the interval as wide."""
    return is_wide(name.removesuffix("_base"), measured.estimates[fit][name], measured.tails)


def points(job: Job) -> FloatArray:
    """(n_fits, n_figures) of one panel."""
    process, _, seed = job
    rng = np.random.default_rng(seed)
    by_fit = replicates_of(process, draw_panel(process, rng), 0, rng)
    return np.array([[figure(*pair).point for figure in FIGURES.values()] for pair in by_fit.values()])


@cache
def _design(process: Process) -> Design:
    labels, _, _ = labels_of(process)
    return Design.of(labels, make_schemes(labels, process.config)[0])


def jobs(process: Process, n_panels: int, n_draws: int, seed: int) -> list[Job]:
    """One per panel, each with its own seed, so that the order of work does not matter."""
    return [(process, n_draws, own) for own in SeedSequence(seed).spawn(n_panels)]


def covers(interval: tuple[float, float] | None, truth: float) -> bool:
    """Whether an interval holds the truth, ends included; none does not."""
    return interval is not None and interval[0] <= truth <= interval[1]


def summarize(measured: list[Measured], truths: FloatArray) -> dict[str, Any]:
    """Which panels' intervals hold the truth and which are marked wide, and how heavy each panel's tails are.

    Args:
        measured: Panels with intervals.
        truths: (n_panels, n_fits, n_figures) points of other panels.
    """
    fits = {
        fit: {
            name: _held([own.estimates[fit][name] for own in measured], truths[:, row, place])
            | {"wide": [int(is_marked(own, fit, name)) for own in measured]}
            for place, name in enumerate(FIGURES)
        }
        for row, fit in enumerate(FITS)
    }
    return {"tails": [own.tails.model_dump() for own in measured], "fits": fits}


def _held(estimates: list[Estimate], truths: FloatArray) -> dict[str, Any]:
    truth, deviation = float(truths.mean()), float(truths.std(ddof=1))
    half_widths = [(own.interval[1] - own.interval[0]) / 2 for own in estimates if own.interval]
    return {
        "truth": truth,
        "truth_standard_error": deviation / np.sqrt(len(truths)),
        "width_over_true_width": float(np.mean(half_widths)) / (QUANTILE_975 * deviation),
        "held": {kind: [int(covers(getattr(own, kind), truth)) for own in estimates] for kind in INTERVALS},
    }


def simulate(name: str, n_panels: int, n_draws: int, pool: Pool) -> dict[str, Any]:
    """Cover the truths of one process."""
    process = PROCESSES[name]
    truths = np.array(list(_reporting(f"{name}, truth", pool, points, jobs(process, N_TRUTH * n_panels, 0, seed=1))))
    measured = list(_reporting(f"{name}, intervals", pool, measure, jobs(process, n_panels, n_draws, seed=2)))
    return summarize(measured, truths)


def _reporting(what: str, pool: Pool, work: Callable[[Job], Any], todo: list[Job]) -> Iterator[Any]:
    started = time.monotonic()
    for number, found in enumerate(pool.imap(work, todo, chunksize=10), start=1):
        yield found
        if number % 100 == 0:
            rate = number / (time.monotonic() - started)
            print(f"{what}: {number} of {len(todo)} panels, {rate:.1f}/s, {(len(todo) - number) / rate:.0f} s left")


def coverage(
    result: Mapping[str, Any], fit: str, figure: str, kind: str = "interval", wide: bool | None = None
) -> float:
    """Coverage of one process's interval; of a figure with R2 off among the panels where it is to be quoted.

    With `wide`, among those that are marked, or those that are not.
    """
    own = result["fits"][fit][figure]
    among = _quoted(result, figure)
    if wide is not None:
        among &= np.array(own["wide"]) == wide
    return _mean(own["held"][kind], among)


def share_wide(result: Mapping[str, Any], fit: str, figure: str) -> float:
    """Of the panels where a figure is to be quoted, the share with an interval that is marked wide."""
    return _mean(result["fits"][fit][figure]["wide"], _quoted(result, figure))


def _mean(values: list[int], among: BoolArray) -> float:
    return float(np.array(values)[among].mean()) if among.any() else float("nan")


def _quoted(result: Mapping[str, Any], figure: str) -> BoolArray:
    flagged = _flagged(result)
    return ~flagged if figure in WITH_R2_OFF else np.ones_like(flagged)


def _flagged(result: Mapping[str, Any]) -> BoolArray:
    return np.array([own["warning"] != "" for own in result["tails"]])


def table(found: Mapping[str, Mapping[str, Any]], fit: str) -> str:
    """Markdown: coverage of the quoted interval by figure and process."""
    lines = [f"| {fit} | {' | '.join(found)} |", "|---|" + "---|" * len(found)]
    for figure in FIGURES:
        lines.append(f"| {figure} | {' | '.join(f'{coverage(own, fit, figure):.2f}' for own in found.values())} |")
    flagged = [f"{_flagged(own).mean():.0%}" for own in found.values()]
    lines.append(f"| R2 off not to be quoted | {' | '.join(flagged)} |")
    return "\n".join(lines)


def wide_table(found: Mapping[str, Mapping[str, Any]], fit: str) -> str:
    """Markdown: share of intervals marked wide; coverage of these, and of the others."""
    lines = [f"| {fit}, wide | {' | '.join(found)} |", "|---|" + "---|" * len(found)]
    for figure in FIGURES:
        cells = (
            f"{share_wide(own, fit, figure):.0%}: {coverage(own, fit, figure, wide=True):.3f}, "
            f"{coverage(own, fit, figure, wide=False):.3f}"
            for own in found.values()
        )
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Simulate every process, write each as JSON when it is done, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=300, help="panels per process")
    parser.add_argument("--draws", type=int, default=120, help="draws per panel")
    parser.add_argument("--out", type=Path, default=state_dir() / "bench" / "coverage")
    parser.add_argument("--workers", type=int, default=2, help="panels at a time, one core each")
    parser.add_argument("--processes", nargs="*", choices=PROCESSES, default=list(PROCESSES))
    args = parser.parse_args()
    # Processes side by side, not threads: their cores are taken already. Read when a process loads its BLAS.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    args.out.mkdir(parents=True, exist_ok=True)
    settings = {"n_panels": args.n, "n_draws": args.draws, "versions": versions(), "has_wide": True}
    found = {}
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
        for number, name in enumerate(args.processes):
            file = args.out / f"{list(PROCESSES).index(name)}.json"
            done = json.loads(file.read_text()) if file.exists() else {}
            if done.get("settings") != settings:
                print(f"process {number + 1} of {len(args.processes)}: {name}")
                done = {"process": name, "settings": settings, **simulate(name, args.n, args.draws, pool)}
                file.write_text(json.dumps(done))
            found[name] = done
    print(f"{args.n} panels per process, {args.draws} draws; {settings['versions']}")
    print("\n\n".join(of(found, fit) for of in (table, wide_table) for fit in FITS))


def versions() -> dict[str, str]:
    """Of what the figures depend on."""
    return {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__}


if __name__ == "__main__":
    main()
