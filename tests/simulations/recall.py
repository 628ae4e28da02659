"""How often the recall probes' intervals hold the truth, and how often a change is found where there is none.

Run `python -m tests.simulations.recall`; docs/recall.md has its figures.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.random import Generator

from tasks.probe.recall.change_point import find_change
from tasks.probe.recall.concentration import concentrations
from tasks.probe.recall.curves import unit_means
from tasks.probe.recall.facts import fact_scores
from tasks.probe.recall.intervals import RowIntervals, estimate_of
from tasks.probe.recall.questions import Answers, AskedRows
from tasks.probe.recall.statistics import ratio
from tasks.probe.recall.two_lines import Lines
from tests.probe.recall.made_answers import CUTOFF
from tests.probe.recall.made_curves import CHANGE, YEAR, made, sections

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
        days, values, rng = made(n, 10_000 + seed, **shape)
        found = find_change(days, values, 199, rng)
        if found.day is None or found.interval is None:
            yield False, False, False, np.nan
            continue
        lines, distinct = Lines.over(days), np.unique(days)
        _, (two,) = lines.squares(values[None])
        kept = np.flatnonzero(lines.is_candidate)[two / (two.min() / (n - 4)) - (n - 4) <= HANSEN]
        low, high = (int(np.datetime64(own).astype("datetime64[D]").astype(int)) for own in found.interval)
        yield True, low <= CHANGE < high, distinct[kept[0]] <= CHANGE < distinct[kept[-1] + 1], float(high - low)


def section_changes(step: float, by_day: bool, shared: float = 0.5, n: int = N_PANELS) -> tuple[float, float, float]:
    """Share of panels with a change, of these the share whose interval holds it, and the median width in years."""
    found = []
    for seed in range(n):
        days, values = sections(seed, step, shared=shared)
        observed = unit_means(days, values, days if by_day else np.arange(len(days)))
        found.append(find_change(*observed, 199, np.random.default_rng(seed)))
    last = date(1970, 1, 1) + timedelta(days=YEAR * (43 // 2 - 1))
    intervals = [own.interval for own in found if own.interval]
    held = [low <= last < high for low, high in intervals]
    widths = [(high - low).days / YEAR for low, high in intervals]
    return len(held) / n, float(np.mean(held)) if held else np.nan, float(np.median(widths)) if held else np.nan


def made_rows(rng: Generator, n_stocks: int = 40, n_days: int = 120) -> tuple[AskedRows, np.ndarray]:
    """A panel whose stocks have a standard deviation of 0.5 or 1.5, and whether each row's stock has the larger one."""
    days = pd.bdate_range("2020-01-01", periods=3 * n_days)[::3]
    labels = pd.DataFrame(
        {"code": np.repeat([f"S{n:02d}" for n in range(n_stocks)], n_days), "date": np.tile(days, n_stocks)}
    )
    labels["label_until"] = labels["date"] + pd.offsets.BDay(2)
    is_volatile = np.repeat(np.arange(n_stocks) % 2 == 1, n_days)
    target = np.where(is_volatile, 1.5, 0.5) * rng.normal(size=len(labels))
    return AskedRows(labels, target, RowIntervals(labels, n_draws=100, seed=0)), is_volatile


def knows(target: np.ndarray, scale: np.ndarray, r2: np.ndarray | float, rng: Generator) -> np.ndarray:
    """The best prediction of a model whose signal explains a share r2 of a row's variance, scale**2."""
    signal = np.sqrt(r2) * target / scale + np.sqrt(1 - np.asarray(r2)) * rng.normal(size=len(target))
    return np.sqrt(r2) * scale * signal


def concentration_of(seed: int, r2_of_certain: float, r2_of_others: float) -> tuple[bool, bool]:
    """Whether difference and slope are above zero. Volatile rows' answers are more certain, and right by chance."""
    rng = np.random.default_rng([seed, 8])
    rows, is_volatile = made_rows(rng)
    certainty = np.where(is_volatile, 0.2, 0.1) + 0.15 * rng.random(len(is_volatile))
    p_up = 0.5 + certainty * np.where(rng.random(len(is_volatile)) < 0.5, 1, -1)
    r2 = np.where(certainty > np.median(certainty), r2_of_certain, r2_of_others)
    numbers = np.arange(len(p_up))
    one = pd.DataFrame({"row": numbers, "fit": "unscaled"})
    base = knows(rows.target, np.where(is_volatile, 1.5, 0.5), r2, rng)
    predicted = pd.concat([one.assign(model="base", disjoint=base), one.assign(model="trained", disjoint=0.0)])
    answers = Answers(p_up, np.full(len(p_up), 0.4))
    (found,) = concentrations(("base", "trained"), answers, predicted, rows, numbers)
    return found.difference.by_date[0] > 0, found.slope.by_date[0] > 0


def made_sentences(seed: int, n_documents: int, n_items: int, spread: float, gain: float = 0.0) -> pd.DataFrame:
    """Items of documents of which half are from after the cutoff; a document's items are known, or not, together.

    Args:
        seed: Of the draws.
        n_documents: Documents, half on each side.
        n_items: Of each document.
        spread: Standard deviation over documents of what all of a document's margins share; that of an item is 1.
        gain: Added to the margins up to the cutoff.
    """
    rng = np.random.default_rng([seed, 9])
    document = np.repeat(np.arange(n_documents), n_items)
    is_before = document < n_documents // 2
    days = np.where(is_before, np.datetime64(CUTOFF) - document, np.datetime64(CUTOFF) + document).astype(
        "datetime64[s]"
    )
    margin = spread * rng.normal(size=n_documents)[document] + rng.normal(size=len(document)) + gain * is_before
    names = [
        f"d{own:03d}:{number}" for own, number in zip(document, np.tile(np.arange(n_items), n_documents), strict=True)
    ]
    return pd.DataFrame({"id": names, "date": days, "n_bytes": 60, "wrong": [["w"] * 3] * len(names), "margin": margin})


def false_differences(n_documents: int, n_items: int, spread: float = 1.0, n: int = 300) -> float:
    """Share of panels whose interval of before - after excludes zero, where there is no difference."""
    found = [fact_scores(made_sentences(seed, n_documents, n_items, spread), CUTOFF).difference for seed in range(n)]
    return float(np.mean([not own.interval[0] <= 0 <= own.interval[1] for own in found if own.interval]))


def main() -> None:
    """Print all tables."""
    for name, certain, others in (
        ("uniform", 0.05, 0.05),
        ("twice on certain rows", 0.1, 0.05),
        ("certain alone", 0.1, 0),
    ):
        above = np.mean([concentration_of(seed, certain, others) for seed in range(100)], axis=0)
        print(f"lookahead {name}: difference above zero {above[0]:.3f}, slope {above[1]:.3f}", flush=True)
    for n_documents, n_items in ((20, 8), (40, 8), (100, 8), (160, 1)):
        share = false_differences(n_documents, n_items)
        print(f"facts, {n_documents} documents of {n_items}: excludes zero {share:.3f}", flush=True)
    for n in (5, 10, 20, 50):
        student, percentiles = ratio_coverage(n)
        print(f"ratio, {n} documents: {student:.3f} by Student, {percentiles:.3f} by bootstrap", flush=True)
    for step in (0.0, 0.5, 1.0, 2.0):
        for by_day in (True, False):
            share, held, width = section_changes(step, by_day)
            unit = "day" if by_day else "section"
            print(f"sections, step of {step} sd, by {unit}: found {share:.3f}, covers {held:.3f}, {width:.1f} years")
    for n in (60, 120, 400):
        for name, shape in SHAPES.items():
            found = np.array(list(change_points(n, **shape)), dtype=float)
            hits = found[found[:, 0] == 1]
            share, held, hansen = found[:, 0].mean(), hits[:, 1].mean(), hits[:, 2].mean()
            covers = f"covers {held:.3f} (Hansen {hansen:.3f}), {np.median(hits[:, 3]):.0f} days"
            print(f"{n} documents, {name}: found {share:.3f}, {covers}", flush=True)


if __name__ == "__main__":
    main()
