"""An audit of six models in one premium stage, against six runs of one model and five runs of two.

Runs of one model have no differences; five runs of two have the reference's differences from the others, and measure
the reference five times. All do the stage's whole work: points, draws, jackknife, controls, checks. Ways alternate.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pandas as pd

from tasks.common.settings import state_dir
from tasks.common.text import signed
from tasks.premium.build import premium_scores
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.rows import Rows

MODELS = tuple(f"model-{number}" for number in range(1, 7))
N_STOCKS, N_DAYS = 60, 40


def made_rows(width: int) -> Rows:
    """2,400 rows; the first model knows a tenth of the target, the others nothing."""
    rng = np.random.default_rng(0)
    days = pd.bdate_range(end="2021-01-19", periods=N_DAYS + 2)
    day = np.tile(np.arange(N_DAYS), N_STOCKS)
    labels = pd.DataFrame({"code": np.repeat(np.arange(N_STOCKS), N_DAYS), "date": days[day]})
    labels["label_from"], labels["label_until"] = days[day + 1], days[day + 2]
    target = 0.02 * rng.normal(size=len(labels))
    states = {name: rng.standard_normal((len(labels), width), dtype=np.float32) for name in MODELS}
    states[MODELS[0]][:, 0] += (target / 0.02).astype(np.float32) / 3
    return Rows(labels, target, rng.normal(size=(len(labels), 5)), states)


def only(rows: Rows, *models: str) -> Rows:
    """The same panel with some of its models."""
    return replace(rows, states={model: rows.states[model] for model in models})


def main() -> None:
    """Print the table and write `bench/audit.json` below the state folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--draws", type=int, default=40, help="stock draws and two-way draws")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rows = made_rows(args.width)
    config = PremiumConfig(n_draws=args.draws, reference=MODELS[0], robust=RobustConfig(n_draws=args.draws))
    ways: dict[str, Callable[[], list[str]]] = {
        "six models in one run": lambda: lookaheads(rows, config),
        "five runs of two": lambda: [
            text for name in MODELS[1:] for text in lookaheads(only(rows, MODELS[0], name), config)
        ],
        "six runs of one": lambda: [text for name in MODELS for text in lookaheads(only(rows, name), config)],
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found = {}
    for number in range(args.rounds):
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            started = time.perf_counter()
            found[name] = ways[name]()
            seconds[name].append(time.perf_counter() - started)
    if found["six models in one run"] != found["five runs of two"]:
        raise SystemExit("the lookaheads of one run and of five runs differ; one of the two ways is wrong")
    together = statistics.median(seconds["six models in one run"])
    table = {
        name: {
            "seconds": statistics.median(own),
            "fastest": min(own),
            "slowest": max(own),
            "ratio": statistics.median(own) / together,
            "n_differences": len(found[name]),
        }
        for name, own in seconds.items()
    }
    machine = {
        **vars(args),
        "rows": len(rows.target),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "machine": platform.machine(),
        **{name: version(name) for name in ("numpy", "scipy")},
    }
    file = state_dir() / "bench" / "audit.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**table, "run": machine}, indent=1) + "\n")
    print(f"{'way':>22} {'seconds':>8} {'span':>16} {'ratio':>6} {'differences':>12}")
    for name, own in table.items():
        span = f"{own['fastest']:.1f} to {own['slowest']:.1f}"
        print(f"{name:>22} {own['seconds']:>8.1f} {span:>16} {own['ratio']:>5.1f}x {own['n_differences']:>12}")
    print(f"written to {file}")


def lookaheads(rows: Rows, config: PremiumConfig) -> list[str]:
    """The reference's lookahead over each other model, with its interval, as text; none with one model."""
    own = config.model_copy(update={"reference": next(iter(rows.states))})
    scores, _ = premium_scores(rows, own)
    differences = (
        [scores.robust.difference(pair)["standardized"].lookahead for pair in scores.pairs] if scores.robust else []
    )
    return [f"{signed(found.point)} {found.interval}" for found in differences]


if __name__ == "__main__":
    main()
