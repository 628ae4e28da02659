"""Writes a panel: from prices to `rows.parquet` and the facts about it."""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from tasks.panel.config import PanelConfig, PlantedSource
from tasks.panel.contracts import rows_of_contract
from tasks.panel.labels import label_days
from tasks.panel.prompts import dated, undated_sentences
from tasks.panel.sample import check_drawn_sides, draw_days, survivorship
from tasks.panel.sources.planted import planted_truth
from tasks.panel.sources.reader import read_prices
from tasks.schemas.artifacts import Panel

log = logging.getLogger(__name__)

KEYS = ("code", "date", "label_from", "label_until")
TEXTS = ("target", "prompt", "prompt_undated")


def write_panel(config: PanelConfig, folder: Path, staged: Path | None = None) -> dict[str, JsonValue]:
    """Write the panel's rows.

    Args:
        config: Prices, contract, stocks and days.
        folder: Where `rows.parquet` goes.
        staged: The store's price file, for a source that names no file.

    Returns:
        Counts, days, digests, dropped rows by reason, how far the choice of stocks looked ahead and, for planted
        prices, the true premium.

    Raises:
        PanelError: If the prices cannot be read or leave too few stocks or an empty side of the cut.
    """
    prices, pins = read_prices(config.source, config.contract, staged)
    prices = prices.join(label_days(prices))
    funnel, candidates, codes = rows_of_contract(prices, config)
    drawn = draw_days(funnel.rows, codes, config.dates_per_stock, config.seed)
    check_drawn_sides(drawn, config.test_from)
    funnel.replace(drawn, "n_rows", "day_not_drawn")
    sentences = undated_sentences(drawn, config.source)
    rows = drawn.assign(prompt=dated(sentences, drawn["date"]), prompt_undated=sentences)
    _write_rows(rows, folder / "rows.parquet")
    log.info("panel: %d rows of %d stocks, drawn from %d", len(rows), len(codes), len(candidates))
    return {
        "source": pins,
        "n_stocks": int(rows["code"].nunique()),
        **funnel.facts(),
        **_facts(rows, config),
        "n_splits": _n_splits(prices),
        "survivorship": survivorship(prices, candidates, codes, config.n_stocks, config.test_from),
    }


def _write_rows(rows: pd.DataFrame, file: Path) -> None:
    features = [name for name in Panel.FEATURES if name in rows.columns]
    legs = [name for name in Panel.LEGS if name in rows.columns]
    table = pa.Table.from_pandas(rows[[*KEYS, *features, *TEXTS, *legs]], preserve_index=False)
    # pandas' own metadata would put its version into the bytes.
    pq.write_table(table.replace_schema_metadata(None), file, compression="zstd")


def _facts(rows: pd.DataFrame, config: PanelConfig) -> dict[str, JsonValue]:
    is_test = (rows["date"] >= pd.Timestamp(config.test_from)).to_numpy()
    keys = (f"{code},{day:%Y-%m-%d}" for code, day in zip(rows["code"], rows["date"], strict=True))
    facts: dict[str, JsonValue] = {
        "n_train_rows": int((~is_test).sum()),
        "n_test_rows": int(is_test.sum()),
        "first_day": f"{rows['date'].min():%Y-%m-%d}",
        "last_day": f"{rows['date'].max():%Y-%m-%d}",
        "prompt_first": str(rows["prompt"].iloc[0]),
        "prompts_sha256": _sha256_of_lines(rows["prompt"]),
        "keys_sha256": _sha256_of_lines(keys),
    }
    if isinstance(config.source, PlantedSource):
        facts["planted"] = planted_truth(rows, config.source, is_test)
    return facts


def _n_splits(prices: pd.DataFrame) -> int | None:
    """Splits among all prices; None if the source does not record them."""
    if "adjustment" not in prices.columns:
        return None
    return int((prices["adjustment"].fillna(1.0) != 1.0).sum())


def _sha256_of_lines(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
