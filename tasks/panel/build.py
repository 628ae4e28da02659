"""From prices to `rows.parquet` and the facts about it."""

import hashlib
import logging
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from tasks.artifacts import Panel
from tasks.panel.config import PanelConfig
from tasks.panel.features import add_features, complete_rows
from tasks.panel.prompts import sentences
from tasks.panel.sample import draw_days, longest_histories, refuse_empty_split
from tasks.panel.sources import read_prices

log = logging.getLogger(__name__)


def write_panel(config: PanelConfig, folder: Path) -> dict[str, JsonValue]:
    """Write the panel's rows.

    Args:
        config: Prices, stocks and days.
        folder: Where `rows.parquet` goes.

    Returns:
        Counts, days, digests and what was dropped, by reason.

    Raises:
        PanelError: If the prices cannot be read or leave too few stocks or an empty side of the cut.
    """
    prices, pins = read_prices(config.source)
    # Before the features, as the seed does: their windows then count rows that have a target.
    with_target = prices.dropna(subset=["target"])
    complete = complete_rows(add_features(with_target))
    codes = longest_histories(complete, config.n_stocks)
    of_codes = complete[complete["code"].isin(codes)]
    rows = draw_days(of_codes, codes, config.dates_per_stock, config.seed)
    refuse_empty_split(of_codes, rows, config.test_from)
    rows["prompt"] = sentences(rows, config.source.kind)
    _write_rows(rows, folder / "rows.parquet")
    log.info("panel: %d rows of %d stocks, drawn from %d", len(rows), len(codes), len(complete))
    counts = [len(prices), len(with_target), len(complete), len(of_codes), len(rows)]
    return {"source": pins, "n_stocks": len(codes), **_counts(counts), **_facts(rows, config.test_from)}


def _write_rows(rows: pd.DataFrame, file: Path) -> None:
    columns = ["code", "date", *(name for name in Panel.FEATURES if name in rows.columns), "target", "prompt"]
    table = pa.Table.from_pandas(rows[columns], preserve_index=False)
    # pandas' own metadata would bring its version into the bytes.
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")


def _counts(steps: list[int]) -> dict[str, JsonValue]:
    """Rows left after each step, and what each step dropped."""
    kept = ("n_rows_raw", "n_rows_with_target", "n_rows_with_features", "n_rows_of_kept_stocks", "n_rows")
    reasons = ("no_target", "missing_feature", "stock_not_kept", "day_not_drawn")
    dropped = [before - after for before, after in pairwise(steps)]
    return {**dict(zip(kept, steps, strict=True)), "n_dropped": dict(zip(reasons, dropped, strict=True))}


def _facts(rows: pd.DataFrame, test_from: date) -> dict[str, JsonValue]:
    n_test_rows = int((rows["date"] >= pd.Timestamp(test_from)).sum())
    keys = (f"{code},{day:%Y-%m-%d}" for code, day in zip(rows["code"], rows["date"], strict=True))
    return {
        "n_train_rows": len(rows) - n_test_rows,
        "n_test_rows": n_test_rows,
        "first_day": f"{rows['date'].min():%Y-%m-%d}",
        "last_day": f"{rows['date'].max():%Y-%m-%d}",
        "prompt_first": str(rows["prompt"].iloc[0]),
        "prompts_sha256": _sha256_of_lines(rows["prompt"]),
        "keys_sha256": _sha256_of_lines(keys),
    }


def _sha256_of_lines(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
