"""How often the recall probes' intervals hold the truth, and how often a change is found where there is none.

Run `python -m tests.simulations.recall`; docs/recall.md has its figures.
"""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from tasks.probe.recall.change_point import Lines, find_change
from tasks.probe.recall.intervals import estimate_of
from tasks.probe.recall.statistics import ratio
from tests.probe.recall.test_change_point import CHANGE, made

N_PANELS = 500
N_BOOTSTRAP = 400
HANSEN = 7.35
"""95 % quantile of the likelihood ratio at the true change, where the change is small and the documents many."""
SHAPES = {
    "none": {},
    "none, spread doubles": {"spread": "doubles"},
    "step of 1 sd": {"step": 1.0},
    "step of 2 sd": {"step": 2.0},
    "step of 1.5 sd, spread doubles": {"step": 1.5, "spread": "doubles"},
    "bend of 6 sd a decade": {"bend": 6.0},
}


def documents(n: int, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Bytes and bits of documents; the ratio's truth is 3."""
    n_bytes = np.exp(rng.normal(7, 0.8, n))
    return n_bytes, 3 * n_bytes * np.exp(rng.normal(-0.02, 0.2, n))


def bootstrap(n_bytes: np.ndarray, bits: np.ndarray, rng: Generator) -> tuple[float, float]:
    """Percentiles of the ratio over documents drawn with replacement."""
    drawn = rng.integers(0, len(bits), (N_BOOTSTRAP, len(bits)))
    low, high = np.percentile(bits[drawn].sum(axis=1) / n_bytes[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def ratio_coverage(n: int) -> tuple[float, float]:
    """Of the ratio's interval with Student's quantile, and of the bootstrap's percentiles."""
    held = []
    for seed in range(4 * N_PANELS):
        rng = np.random.default_rng([seed, n])
        n_bytes, bits = documents(n, rng)
        own = estimate_of(ratio(bits, n_bytes, np.ones(n, dtype=bool)), np.arange(n)).interval
        assert own is not None
        held.append([low <= 3 <= high for low, high in (own, bootstrap(n_bytes, bits, rng))])
    share, other = np.mean(held, axis=0)
    return float(share), float(other)


def change_points(n: int, **shape: object) -> Iterator[tuple[bool, bool, bool, float]]:
    """By panel: whether a change is found, whether the interval and one with Hansen's bound hold it, width in days."""
    for seed in range(N_PANELS):
        days, values, units, rng = made(n, 10_000 + seed, **shape)
        found = find_change(days, values, units, 199, rng)
        if found.day is None or found.interval is None:
            yield False, False, False, np.nan
            continue
        lines, distinct = Lines.over(days), np.unique(days)
        _, (two,) = lines.squares(values[None])
        kept = np.flatnonzero(lines.is_candidate)[two / (two.min() / (n - 4)) - (n - 4) <= HANSEN]
        low, high = (int(np.datetime64(own).astype("datetime64[D]").astype(int)) for own in found.interval)
        yield True, low <= CHANGE < high, distinct[kept[0]] <= CHANGE < distinct[kept[-1] + 1], float(high - low)


def main() -> None:
    """Print both tables."""
    for n in (5, 10, 20, 50):
        student, percentiles = ratio_coverage(n)
        print(f"ratio, {n} documents: {student:.3f} by Student, {percentiles:.3f} by bootstrap", flush=True)
    for n in (60, 120, 400):
        for name, shape in SHAPES.items():
            found = np.array(list(change_points(n, **shape)), dtype=float)
            hits = found[found[:, 0] == 1]
            share, held, hansen = found[:, 0].mean(), hits[:, 1].mean(), hits[:, 2].mean()
            covers = f"covers {held:.3f} (Hansen {hansen:.3f}), {np.median(hits[:, 3]):.0f} days"
            print(f"{n} documents, {name}: found {share:.3f}, {covers}", flush=True)


if __name__ == "__main__":
    main()
