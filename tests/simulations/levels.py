"""False evidence at tiny levels, and what hold-outs of several lengths can show: `python -m tests.simulations.levels`.

Differences of mean zero, as a gate could meet them on few days, are judged by bets and by Student's t.
"""

import argparse
from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from scipy.special import stdtrit

from tasks.live.bets import all_bets, bet_days, log_evidence, log_mean, log_won
from tasks.live.gate import level_of
from tasks.live.paired import PairedDays
from tasks.live.power import smallest_detectable
from tasks.sampling.arrays import FloatArray
from tests.simulations.live import CORRELATION
from tests.simulations.live_replay import EVERY, GATE, WATCH, WINDOW, fitted
from tests.simulations.live_world import HORIZON, make_world

BOUND = 0.48
"""The most that a day's difference can be."""
N_PER_CHUNK = 20_000
LEVELS = (1e-2, 1e-3, 1e-4)
Draw = Callable[[tuple[int, int], Generator], FloatArray]


def rarely_wrong(shape: tuple[int, int], rng: Generator) -> FloatArray:
    """A little better on most days, and much worse on few."""
    return np.where(rng.random(shape) < 0.96, 0.02, -BOUND)


def of_two_values(shape: tuple[int, int], rng: Generator) -> FloatArray:
    """As much better as worse."""
    return rng.choice([-BOUND, BOUND], shape)


def heavy_tailed(shape: tuple[int, int], rng: Generator) -> FloatArray:
    """Student's t with two degrees of freedom."""
    return (0.02 * rng.standard_t(2, shape)).clip(-BOUND, BOUND)


DRAWS: Mapping[str, Draw] = {
    "better on most days, much worse on few": rarely_wrong,
    "two values": of_two_values,
    "heavy tails": heavy_tailed,
}


def false_rates(draw: Draw, n_days: int, n_draws: int, seed: int = 0) -> dict[str, FloatArray]:
    """Shares of draws in which bets, and a t-test, find a difference above zero at each of LEVELS."""
    rng, found = np.random.default_rng(seed), {"bets": np.zeros(len(LEVELS)), "t": np.zeros(len(LEVELS))}
    for _ in range(n_draws // N_PER_CHUNK):
        drawn = draw((N_PER_CHUNK, n_days), rng)
        evidence = log_evidence(drawn, np.full(drawn.shape, BOUND), 0.0)
        with np.errstate(divide="ignore"):
            t = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / np.sqrt(n_days))
        found["bets"] += [(evidence >= np.log(1 / level)).mean() for level in LEVELS]
        found["t"] += [(t > stdtrit(n_days - 1, 1 - level)).mean() for level in LEVELS]
    return {name: rates / (n_draws // N_PER_CHUNK) for name, rates in found.items()}


def detectable_by_holdout(n_days: int, look: int) -> tuple[float | None, float]:
    """Smallest detectable difference of two fits to prices as they were, and how many rows they disagree on."""
    world = make_world(None)
    end = len(world.days)
    held = slice(end - n_days, end)
    fits = [
        fitted(world, world.sign, slice(end - back - WINDOW, end - back), np.zeros(world.features.shape[-1]))
        for back in (n_days + EVERY, n_days + EVERY + WINDOW)
    ]
    days = world.compared(held, *fits)
    bets = all_bets(days, GATE.score)[0]
    level = level_of(look, 0, GATE.false_promotion_rate)
    return smallest_detectable(bets, GATE.margin, level), float(days.bound[GATE.score].mean())


def days_until_undone(rng: Generator, n_stretches: int = 12, n_days: int = 400) -> list[tuple[float, float]]:
    """Days until a watch undoes the swap of a forecast with skill for one without.

    Returns:
        For each stretch of days: betting from its first day on, and from each of the horizon's days, where the first of
        them to reach its share of the rate undoes the swap. Infinite where neither is reached.
    """
    world = make_world(rng, CORRELATION / 2, n_days=n_stretches * n_days)
    skilled, unskilled = np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0])
    found = []
    for start in range(0, n_stretches * n_days, n_days):
        days = world.compared(slice(start, start + n_days), skilled, unskilled)
        crossed = [_crossing(days, begin, WATCH.false_rollback_rate / share) for begin, share in STARTS]
        found.append((crossed[0], min(crossed[1:])))
    return found


STARTS = [(0, 1), *((begin, HORIZON) for begin in range(HORIZON))]
"""First day of the bets, and by what the rate is divided."""


def _crossing(days: PairedDays, begin: int, level: float) -> float:
    chosen = bet_days(days, begin)
    won = log_won(days.difference(WATCH.score)[chosen], days.bound[WATCH.score][chosen], WATCH.margin)
    reached = np.flatnonzero(log_mean(won.cumsum(axis=0)) >= np.log(1 / level))
    return float(chosen[reached[0]]) + 1 if len(reached) else np.inf


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200_000, help="draws per line")
    n_draws = parser.parse_args().n
    for name, draw in DRAWS.items():
        for n_days in (8, 50):
            rates = false_rates(draw, n_days, n_draws)
            print(f"{name}, {n_days} days:", {kind: [f"{rate:.2g}" for rate in own] for kind, own in rates.items()})
    stretches = [pair for seed in range(12) for pair in days_until_undone(np.random.default_rng([3, seed]))]
    for share in (0.5, 0.8):
        one, every = np.quantile(stretches, share, axis=0, method="higher")
        print(f"{share} of {len(stretches)} swaps undone within {one:.0f} days; with every start, {every:.0f} days")
    for n_days in (10, 40, 120, 250, 500, 1_000):
        shown = {f"look {look}": detectable_by_holdout(n_days, look) for look in (1, 100)}
        print(f"hold-out of {n_days} days:", shown)


if __name__ == "__main__":
    main()
