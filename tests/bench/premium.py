"""The reference's bootstrap: a scikit-learn loop over rows against sums of Gram matrices, in one process.

Both get the same draws of the same made-up panel, 1,000 stocks x 30 rows, and the same number of BLAS threads. The loop
is timed draw by draw and its median taken; ours is timed whole, preparation included, and divided by its draws.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from tasks.common.settings import state_dir
from tasks.premium.build import premium_scores
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.gram.devices import choose_device
from tasks.premium.gram.stock_draws import StockGrams
from tasks.premium.inference.evaluate import predict, score
from tasks.premium.inference.inner_cv import choose_penalty
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.targets import make_targets
from tasks.premium.reference.bootstrap import draws_per_chunk, score_draws
from tasks.premium.reference.draws import resample_stocks
from tasks.premium.reference.scores import score_model
from tasks.premium.rows import Rows
from tasks.sampling.two_way import two_way_weights
from tests.premium import sklearn_loops

N_STOCKS, ROWS_PER_STOCK = 1_000, 30
OURS_DRAWS = {389: 200, 2_053: 132}
LOOP_DRAWS = {389: 9, 2_053: 3}
TWO_WAY_DRAWS = {389: 20, 2_053: 4}
LOOP_TWO_WAY = {389}
"""At 2,053 columns one draw of the loop takes minutes."""
NUMERIC = 5
PRODUCT = 1_024
"""Rows and columns of the matrices that tell the machine's speed."""
N_MODELS, N_WIDE_CONTROLS = 2, 4
"""Of a stage: base and trained; one-hot dates, undated sentences, shuffled rows and noise are about as wide."""


def made_rows(n_columns: int) -> Rows:
    """A panel on which a fit finds something: 500 days, a fifth of them after the cut."""
    rng = np.random.default_rng(0)
    n_rows = N_STOCKS * ROWS_PER_STOCK
    days = pd.bdate_range(end="2021-05-28", periods=500).to_numpy()
    labels = pd.DataFrame({"code": np.repeat(np.arange(N_STOCKS), ROWS_PER_STOCK), "date": rng.choice(days, n_rows)})
    labels["label_from"], labels["label_until"] = (labels["date"] + pd.offsets.BDay(ahead) for ahead in (1, 2))
    states = rng.standard_normal((n_rows, n_columns - NUMERIC), dtype=np.float32)
    numeric = rng.normal(size=(n_rows, NUMERIC))
    target = 0.02 * (rng.normal(size=n_rows) + 0.1 * states[:, 0] + 0.1 * numeric[:, 0])
    return Rows(labels=labels, target=target, numeric=numeric, states={"base": states})


def loop_over_rows(rows: Rows, config: PremiumConfig, n_draws: int) -> Iterator[tuple[float, float, float]]:
    """Seconds, on and off of each draw, by a loop over rows."""
    columns, stocks, is_train = rows.columns("base"), rows.stocks, rows.is_train(config.train_until)
    rows_of = [np.flatnonzero(stocks == stock) for stock in range(N_STOCKS)]
    for times in resample_stocks(N_STOCKS, n_draws, np.random.default_rng(config.seed)):
        started = time.perf_counter()
        drawn = np.concatenate([rows_of[stock] for stock in np.repeat(np.arange(N_STOCKS), times)])
        x, y, groups, past = columns[drawn], rows.target[drawn], stocks[drawn], is_train[drawn]
        off = r2_score(y[~past], Ridge(alpha=1.0).fit(x[past], y[past]).predict(x[~past]))
        on = [
            r2_score(y[test], Ridge(alpha=1.0).fit(x[train], y[train]).predict(x[test]))
            for train, test in GroupKFold(5).split(x, y, groups)
        ]
        yield time.perf_counter() - started, float(np.mean(on)), float(off)


def compare(n_columns: int, n_draws: int) -> dict[str, float]:
    """Time both ways at one number of columns."""
    rows, config = made_rows(n_columns), PremiumConfig(n_draws=n_draws)
    choose_device()  # imports once per process, outside both timings
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    wall, cpu = time.perf_counter(), time.process_time()
    draws = score_draws(rows, config).draws
    ours, ours_cpu = (time.perf_counter() - wall) / n_draws, (time.process_time() - cpu) / n_draws
    peak = peak_rss_mb()
    timed = np.array(list(loop_over_rows(rows, config, LOOP_DRAWS[n_columns])))
    loop = statistics.median(timed[:, 0])
    return {
        "speedup": loop / ours,
        "speedup_of_arithmetic_alone": loop / arithmetic_seconds(n_columns, config.n_folds),
        "max_abs_diff": float(np.abs(draws[: len(timed), 1:] - timed[:, 1:]).max()),
        "peak_rss_mb": peak,
        "loop_seconds_per_draw": loop,
        "ours_seconds_per_draw": ours,
        "ours_cpu_seconds_per_draw": ours_cpu,
        "loop_fastest": float(timed[:, 0].min()),
        "loop_slowest": float(timed[:, 0].max()),
        "n_loop_draws": len(timed),
        "n_draws": n_draws,
        "n_draws_per_chunk": chunk_of(rows, config),
    }


def arithmetic_seconds(n_columns: int, n_folds: int) -> float:
    """Seconds of a draw if all its arithmetic ran as fast as a float64 product: what no preparation is counted in.

    Sums of the stocks' Gram matrices, a factorization per fit, and every row's errors: five folds and the chronological
    split each have their own.
    """
    n_fits = n_folds + 1
    sums = n_fits * N_STOCKS * n_columns * (n_columns + 1)
    factors = n_fits * n_columns**3 / 3
    errors = 2 * n_fits * N_STOCKS * ROWS_PER_STOCK * n_columns
    return (sums + factors + errors) / product_speed()


def product_speed() -> float:
    """Operations per second of a float64 product, the fastest of five."""
    left, right = np.random.default_rng(0).normal(size=(2, PRODUCT, PRODUCT))
    times = []
    for _ in range(5):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 2 * PRODUCT**3 / min(times)


def compare_two_way(n_columns: int) -> dict[str, float]:
    """Time two-way draws, which weigh every row: a fit per split, with scikit-learn's sample weights and from cells."""
    rows, config = made_rows(n_columns), PremiumConfig()
    columns, (schemes, _) = rows.columns("base"), make_schemes(rows.labels, config)
    weights = two_way_weights(rows.labels, TWO_WAY_DRAWS[n_columns], np.random.default_rng(0))
    started = time.perf_counter()
    ours = score(columns, rows.target, schemes, weights).r2[:, 0]
    seconds = (time.perf_counter() - started) / len(weights)
    found = {"ours_seconds_per_draw": seconds, "n_draws": len(weights)}
    if n_columns in LOOP_TWO_WAY:
        started = time.perf_counter()
        theirs = sklearn_loops.score(columns, rows.target, schemes, weights[:1])
        loop = time.perf_counter() - started
        difference = float(np.abs(theirs - ours[:1]).max())
        found |= {"loop_seconds_per_draw": loop, "speedup": loop / seconds, "max_abs_diff": difference}
    return found


def stage_core_minutes(stock: float, n_draws: int = 3) -> dict[str, float]:
    """Core-minutes of a premium stage of two models at 2,053 columns with the default config, put together from parts.

    Each part is timed by the processor's time on few draws and multiplied by the default counts: it is not the time of
    a whole run. Two threads at work count twice.

    Args:
        stock: Seconds of a stock draw of one model, as `compare` timed them.
        n_draws: Two-way draws to time.
    """
    rows, config, robust = made_rows(max(OURS_DRAWS)), PremiumConfig(), RobustConfig()
    columns, (schemes, _) = rows.columns("base"), make_schemes(rows.labels, config)
    weights = two_way_weights(rows.labels, n_draws, np.random.default_rng(0))
    targets = make_targets(rows, config.train_until, robust.tail_quantile)

    def two_way(own: np.ndarray) -> float:
        return cpu_seconds(lambda: score(columns, targets, schemes, own, penalty=100.0))

    prepare = two_way(weights[:1])
    per_weighting = (two_way(weights) - prepare) / (n_draws - 1)
    off, disjoint = (next(own for own in schemes if own.name == name) for name in ("off", "disjoint"))
    choose = cpu_seconds(lambda: choose_penalty(columns, rows, off, robust.alphas))
    predictions = 2 * cpu_seconds(lambda: predict(columns, rows.target, disjoint))
    point = cpu_seconds(lambda: score_model(rows, columns, config))
    n_weightings = robust.n_draws + robust.n_day_groups + 1
    parts = {
        "two_way_and_jackknife": N_MODELS * n_weightings * per_weighting,
        "penalties": (N_MODELS + N_WIDE_CONTROLS) * choose,
        "stock_draws": N_MODELS * config.n_draws * stock,
        "controls": N_WIDE_CONTROLS * prepare,
        "points_and_rank_ics": N_MODELS * (point + predictions),
    }
    minutes = {part: seconds / 60 for part, seconds in parts.items()}
    n_splits = sum(len(scheme.splits) for scheme in schemes)
    counts = {"n_weightings": n_weightings, "n_splits": n_splits, "seconds_per_weighting": per_weighting}
    return {"stage_core_minutes": sum(minutes.values()), **minutes, **counts}


def whole_stage() -> dict[str, float]:
    """Run the premium stage of two models at 2,053 columns with the default config, on all cores."""
    rows, states = made_rows(max(OURS_DRAWS)), np.random.default_rng(1).standard_normal
    base = rows.states["base"]
    trained, undated = (states(base.shape, dtype=np.float32) for _ in range(2))
    rows = replace(rows, states={"base": base, "trained": trained}, undated={"base": undated})
    Path("/proc/self/clear_refs").write_text("5")
    wall = time.perf_counter()
    cpu = cpu_seconds(lambda: premium_scores(rows, PremiumConfig(compared=("trained",))))
    return {
        "whole_stage_minutes": (time.perf_counter() - wall) / 60,
        "whole_stage_core_minutes": cpu / 60,
        "whole_stage_peak_rss_mb": peak_rss_mb(),
    }


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time of all threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


def chunk_of(rows: Rows, config: PremiumConfig) -> int:
    """Draws that fit in the stated memory at once."""
    is_train = rows.is_train(config.train_until)
    ready = StockGrams(rows.columns("base"), rows.target, rows.stocks, is_train, choose_device(), config.alpha)
    return draws_per_chunk(ready, config.n_folds, config)


def peak_rss_mb() -> float:
    """Largest resident memory since the last reset."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Print the table and write `bench/premium.json` below the state folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads and cores of both ways")
    parser.add_argument("--columns", type=int, nargs="+", default=sorted(OURS_DRAWS), choices=sorted(OURS_DRAWS))
    parser.add_argument("--draws", type=int, help="draws of ours instead of 200 and 132")
    parser.add_argument("--whole-stage", action="store_true", help="also run a stage of true size: most of an hour")
    args = parser.parse_args()
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_cores)[: args.threads])
    with threadpool_limits(limits=args.threads, user_api="blas"):
        table = {str(n): compare(n, args.draws or OURS_DRAWS[n]) for n in args.columns}
        two_way = {str(n): compare_two_way(n) for n in args.columns}
        widest = table.get(str(max(OURS_DRAWS)))
        stage = stage_core_minutes(widest["ours_cpu_seconds_per_draw"]) if widest else {}
    os.sched_setaffinity(0, all_cores)
    stage |= whole_stage() if args.whole_stage else {}
    machine = {
        "threads": args.threads,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
        "device": getattr(choose_device(), "name", "cpu"),
    }
    file = state_dir() / "bench" / "premium.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**table, "two_way": two_way, "stage": stage, "run": machine}, indent=1) + "\n")
    print(
        f"{'columns':>8} {'loop s/draw':>12} {'ours s/draw':>12} {'ratio':>7} {'arithmetic':>11} {'difference':>11} "
        f"{'peak MB':>8}"
    )
    for n_columns, row in table.items():
        print(
            f"{n_columns:>8} {row['loop_seconds_per_draw']:>12.3f} {row['ours_seconds_per_draw']:>12.4f} "
            f"{row['speedup']:>6.1f}x {row['speedup_of_arithmetic_alone']:>10.1f}x {row['max_abs_diff']:>11.1e} "
            f"{row['peak_rss_mb']:>8.0f}"
        )
    for n_columns, row in two_way.items():
        beside = f", loop {row['loop_seconds_per_draw']:.2f} s, {row['speedup']:.1f}x" if "speedup" in row else ""
        print(f"two-way draws, {n_columns} columns: {row['ours_seconds_per_draw']:.3f} s/draw{beside}")
    if "stage_core_minutes" in stage:
        parts = ", ".join(f"{part} {stage[part]:.1f}" for part in ("two_way_and_jackknife", "penalties", "stock_draws"))
        print(
            f"a stage of two models, 2,053 columns: {stage['stage_core_minutes']:.0f} core-minutes from parts ({parts})"
        )
    if "whole_stage_minutes" in stage:
        print(
            f"a whole stage of two models, 2,053 columns: {stage['whole_stage_minutes']:.1f} minutes, "
            f"{stage['whole_stage_core_minutes']:.1f} core-minutes, {stage['whole_stage_peak_rss_mb']:.0f} MB"
        )
    print(f"written to {file}")


if __name__ == "__main__":
    main()
