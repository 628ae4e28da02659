"""How often a ladder finds a share of lookahead, and how often its interval holds it: `make simulate-ladder`.

Every rung has one column that carries a tenth of the target up to its share of the days, and eight of noise that in
part tells days and stocks apart. The number of panels can be given.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.random import Generator, SeedSequence

from tasks.premium.config import PremiumConfig
from tasks.premium.inference.known_truth import expected_r2
from tasks.premium.inference.ladder import fit_ladder
from tasks.premium.inference.replicates import DISJOINT, Replicates, keep_defined
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.targets import make_targets
from tasks.premium.rows import Rows
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.sampling.two_way import rescaled, two_way_weights
from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName
from tasks.schemas.ladders import FIGURES, LadderFigure, LadderFit
from tests.simulations.all_draws import Design
from tests.simulations.coverage import ROBUST
from tests.simulations.processes import N_NOISE, NOISE_SHARES, PROCESSES, Process, draw_target, knowing, labels_of

N_DRAWS = 120
N_SCHEMES = DISJOINT + 1
"""A ladder needs no later one."""
DAYS_PER_YEAR = 365.25
BOTH_SIDES = (0.0, 0.25, 0.5, 0.75, 1.0)
LADDERS: Mapping[str, Sequence[float]] = {
    "both sides of the cut": BOTH_SIDES,
    "as the reference's three": (0.0, 0.4, 1.0),
    "none behind the cut": (0.0, 0.15, 0.3, 0.45, 0.6, 0.75),
}
"""Shares of the days that the rungs know; the cut is at 0.75."""


def draw_ladder(process: Process, shares: Sequence[float], r: float, rng: Generator) -> Rows:
    """A panel, and a model's columns per share of the days."""
    labels, stock, day = labels_of(process)
    _, target = draw_target(process, stock, day, rng)
    states = {}
    for share in shares:
        parts = zip(NOISE_SHARES, (day, stock, np.arange(len(day))), strict=True)
        noise = sum(np.sqrt(part) * rng.normal(size=(own.max() + 1, N_NOISE))[own] for part, own in parts)
        states[f"{share:g}"] = np.column_stack([knowing(target, r, day < share * process.n_days, rng), noise])
    return Rows(labels, target, np.empty((len(target), 0)), states)


def measured(process: Process, shares: Sequence[float], r: float, seed: SeedSequence) -> dict[FitName, LadderFit]:
    """One panel's ladder under both co-primary fits."""
    rng = np.random.default_rng(seed)
    rows, design = draw_ladder(process, shares, r, rng), _design(process)
    _, _, day = labels_of(process)
    known = [day < share * process.n_days for share in shares]
    weights = two_way_weights(rows.labels, N_DRAWS, rng)
    return fits_of(rows, process.config, design, known, np.array(shares) * process.n_days / DAYS_PER_YEAR, weights)


def fits_of(
    rows: Rows,
    config: PremiumConfig,
    design: Design,
    known: Sequence[BoolArray],
    years: FloatArray,
    weights: FloatArray,
) -> dict[FitName, LadderFit]:
    """What the premium stage fits to a family, with all draws at once.

    Args:
        rows: The panel, with a model per rung.
        config: Cut and penalty.
        design: The panel's splits.
        known: (n_rows,) by rung, the rows up to its cutoff.
        years: (n_rungs,) cutoffs.
        weights: (n_draws, n_rows) of the two-way draws.
    """
    targets = make_targets(rows, config.train_until, ROBUST.tail_quantile)
    all_weights = np.concatenate([np.ones((1, len(targets))), weights])
    scored, penalties = [], []
    for model in rows.states:
        columns = rows.columns(model)
        penalties.append(design.penalty(columns, rows.target, ROBUST.alphas))
        scored.append(design.score(columns, targets, all_weights, config.alpha, penalties[-1])[:, : len(CO_PRIMARY)])
    kept, _ = keep_defined([own[1:] for own in scored])
    fits = {}
    for number, fit in enumerate(CO_PRIMARY):
        models = [_replicates(own[:, number], kept) for own in scored]
        shrinking = penalties if fit == "standardized" else [0.0] * len(penalties)
        expected = [_expected(design, own.tobytes(), penalty) for own, penalty in zip(known, shrinking, strict=True)]
        courses = {name: np.array([own[name] for own in expected]) for name in FIGURES}
        fits[fit] = fit_ladder(models, courses, years)
    return fits


def _replicates(scored: FloatArray, kept: BoolArray) -> Replicates:
    return Replicates(scored[0], rescaled(scored[1:][kept], scored[0]), np.full((2, scored.shape[1]), np.nan))


@cache
def _design(process: Process) -> Design:
    labels, _, _ = labels_of(process)
    return Design.of(labels, make_schemes(labels, process.config)[0][:N_SCHEMES])


@cache
def _expected(design: Design, known: bytes, penalty: float) -> dict[LadderFigure, float]:
    r2 = expected_r2(design.schemes, np.frombuffer(known, dtype=bool), penalty)
    return {"premium": r2["on"] - r2["off"], "off": r2["off"], "disjoint": r2["disjoint"]}


def rates(process: Process, shares: Sequence[float], r: float, n_panels: int) -> dict[str, float]:
    """Shares of panels in which both fits have r above zero, and in which both intervals hold it."""
    ladders = [measured(process, shares, r, seed) for seed in SeedSequence(5).spawn(n_panels)]
    found = {
        "all three": [[fit.combined.share for fit in own.values()] for own in ladders],
        "all three, beside a line": [[fit.combined.share_beside_line for fit in own.values()] for own in ladders],
        "premium": [[fit.courses["premium"].share for fit in own.values()] for own in ladders],
        "premium, beside a line": [
            [fit.courses["premium"].share_beside_line for fit in own.values()] for own in ladders
        ],
    }
    above = {f"{name}: above zero": _rate(own, lambda low, _: low > 0) for name, own in found.items()}
    held = {f"{name}: holds r": _rate(own, lambda low, high: low <= r <= high) for name, own in found.items()}
    return above | held


def _rate(panels: Sequence[Sequence[Estimate]], holds: Callable[[float, float], bool]) -> float:
    """Fraction of panels in which both fits' intervals do."""
    return float(np.mean([all(own.interval is not None and holds(*own.interval) for own in fits) for fits in panels]))


def main() -> None:
    """Print the rates by ladder, and by process for the ladder on both sides of the cut."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=100, help="panels per line")
    n_panels = parser.parse_args().n
    lines = [(name, Process(), shares, r) for name, shares in LADDERS.items() for r in (0.0, 0.1)]
    lines += [(name, process, BOTH_SIDES, r) for name, process in PROCESSES.items() for r in (0.0, 0.1)]
    for name, process, shares, r in lines:
        found = rates(process, shares, r, n_panels)
        print(f"{name}, r = {r}:", ", ".join(f"{what} {rate:.2f}" for what, rate in found.items()), flush=True)


if __name__ == "__main__":
    main()
