"""Measures how long a panel takes from a JPX-sized price file, in plain pandas and in this project.

`python -m tests.bench.panel [n_stocks]` writes a file of 2,000 stocks x 1,166 days in Kaggle's columns, makes its panel
in one process per way, and prints and saves seconds and peak memory. Under contract `reference` both draw the same.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from tasks.common.settings import state_dir
from tasks.panel.config import JpxSource, PanelConfig

N_STOCKS, N_DAYS = 2_000, 1_166
WAYS = ("plain", "reference", "point_in_time")
COLUMNS = ["SecuritiesCode", "Date", "Close", "Volume", "Target"]


def write_prices(file: Path, n_stocks: int) -> None:
    """Write a price file as Kaggle orders it, by day and then by stock."""
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 0.015, (N_DAYS, n_stocks))
    close = np.round(1_000 * np.exp(steps.cumsum(axis=0)), 1).clip(1).ravel()
    days = pd.bdate_range("2017-01-04", periods=N_DAYS).strftime("%Y-%m-%d").to_numpy(dtype=object)
    codes = np.tile(np.arange(1301, 1301 + n_stocks), N_DAYS)
    volume = rng.integers(1_000, 900_000, close.size)
    table = {
        "RowId": pd.Series(np.repeat(days, n_stocks)).str.replace("-", "") + "_" + pd.Series(codes).astype(str),
        "Date": np.repeat(days, n_stocks),
        "SecuritiesCode": codes,
        **dict.fromkeys(("Open", "High", "Low", "Close"), close),
        "Volume": volume,
        "AdjustmentFactor": np.where(rng.random(close.size) < 1e-4, 0.5, 1.0),
        "ExpectedDividend": np.full(close.size, np.nan),
        "SupervisionFlag": np.zeros(close.size, dtype=bool),
        "Target": np.round(np.roll(steps, -2, axis=0).ravel(), 10),
    }
    pacsv.write_csv(pa.table(table), file)


def plain_way(csv: str) -> str:
    """The reference contract in plain pandas. Returns the drawn rows' sum of targets, by which results are compared."""
    prices = pd.read_csv(csv)[COLUMNS].dropna(subset=["Target"])
    prices["Date"] = pd.to_datetime(prices["Date"])
    prices = prices.sort_values(["SecuritiesCode", "Date"], ignore_index=True)
    prices["log_close"] = np.log(prices["Close"].clip(lower=1e-6))
    prices["log_volume"] = np.log(prices["Volume"].clip(lower=1))
    log_close = prices.groupby("SecuritiesCode")["log_close"]
    prices["ret_5d"], prices["ret_30d"] = log_close.diff(5), log_close.diff(30)
    prices["vol_20d"] = log_close.transform(lambda own: own.diff().rolling(20).std())
    complete = prices.dropna()
    longest = complete.groupby("SecuritiesCode").size().sort_values(ascending=False, kind="stable").index[:1_000]
    rng = np.random.default_rng(42)
    drawn = []
    for code in sorted(longest):
        own = complete[complete["SecuritiesCode"] == code]
        drawn.append(own.iloc[rng.choice(len(own), size=30, replace=False)])
    rows = pd.concat(drawn)
    rows["prompt"] = [
        f"On {row.Date:%Y-%m-%d}, Japanese Tokyo Stock Exchange securities code {row.SecuritiesCode} had recent 5-day "
        f"log return {row.ret_5d:+.4f}, 30-day log return {row.ret_30d:+.4f}, 20-day volatility {row.vol_20d:.4f}."
        for row in rows.itertuples()
    ]
    rows.to_parquet(Path(csv).with_name("plain.parquet"))
    return f"{rows['Target'].sum():.9f}"


def our_way(csv: str, contract: str) -> str:
    """The panel stage's own function."""
    from tasks.panel.build import write_panel
    from tasks.schemas.artifacts import Panel

    config = PanelConfig.model_validate({"source": JpxSource(csv=csv), "contract": contract})
    folder = Path(csv).parent
    write_panel(config, folder)
    return f"{Panel(folder).rows()['target'].sum():.9f}"


def measure(way: str, csv: str) -> None:
    """Run one way in this process and print its seconds and memory, imports of its own modules included."""
    started = time.perf_counter()
    check = plain_way(csv) if way == "plain" else our_way(csv, way)
    seconds = time.perf_counter() - started
    peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 2), "peak_rss_mb": round(peak_rss_mb), "target_sum": check}))


def in_own_process(*arguments: str) -> str:
    """Run this file with these arguments in a process of its own, which has its own peak memory. Returns its output."""
    command = [sys.executable, "-m", "tests.bench.panel", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(n_stocks: int = N_STOCKS) -> None:
    """Measure all ways, print the table, save it in `.hindsight/bench/panel.json`."""
    with tempfile.TemporaryDirectory() as folder:
        csv = str(Path(folder) / "stock_prices.csv")
        # In a process of its own: a child's peak memory includes its parent's at the start.
        in_own_process("write", csv, str(n_stocks))
        found = {way: json.loads(in_own_process(way, csv)) for way in WAYS}
    n_rows = n_stocks * N_DAYS
    if found["plain"]["target_sum"] != found["reference"]["target_sum"]:
        raise SystemExit("the two ways drew other rows under contract reference; their times cannot be compared.")
    print(f"{n_rows:,} rows of {n_stocks:,} stocks\n{'way':<14} {'seconds':>8} {'peak MB':>8} {'ratio':>6}")
    for way in WAYS:
        found[way]["ratio"] = round(found["plain"]["seconds"] / found[way]["seconds"], 1)
        print("{:<14} {seconds:>8} {peak_rss_mb:>8} {ratio:>6}".format(way, **found[way]))
    file = state_dir() / "bench" / "panel.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    default = {name: found["point_in_time"][name] for name in ("seconds", "peak_rss_mb", "ratio")}
    file.write_text(json.dumps({"n_rows": n_rows, "n_stocks": n_stocks, **default, "ways": found}, indent=1) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [("plain" | "reference" | "point_in_time") as way, csv]:
            measure(way, csv)
        case ["write", csv, n_stocks]:
            write_prices(Path(csv), int(n_stocks))
        case [n_stocks]:
            main(int(n_stocks))
        case _:
            main()
