"""Makes a panel: from prices to rows and the facts about them, in memory or as `rows.parquet`."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from tasks.panel.config import CsvSource, PanelConfig, PlantedSource
from tasks.panel.contracts import rows_of_contract
from tasks.panel.errors import PanelError
from tasks.panel.labels import label_days
from tasks.panel.prompts import dated, undated_sentences
from tasks.panel.sample import check_drawn_sides, draw_days, survivorship
from tasks.panel.sources.planted import planted_truth
from tasks.panel.sources.reader import prices_of_table, read_prices
from tasks.schemas.artifacts import Panel

log = logging.getLogger(__name__)

KEYS = ("code", "date", "label_from", "label_until")
TEXTS = ("target", "prompt", "prompt_undated")


@dataclass(frozen=True, eq=False)
class BuiltPanel:
    """A panel in memory.

    Attributes:
        rows: One row per stock and day: code, date, label_from, label_until, features, target, prompt, prompt_undated
            and, for pairs of currencies, leg_1 and leg_2.
        facts: Where the prices came from, rows left after each step and dropped by reason, and digests.

    Examples:
        >>> from hindsight import PanelConfig, PlantedSource, build_panel
        >>> built = build_panel(PanelConfig(source=PlantedSource(n_stocks=3), dates_per_stock=40))
        >>> built.rows.columns[:4].tolist()
        ['code', 'date', 'label_from', 'label_until']
        >>> built.facts["n_stocks"]
        3
    """

    rows: pd.DataFrame
    facts: dict[str, JsonValue]


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
    built = build_panel(config, staged)
    table = pa.Table.from_pandas(built.rows, preserve_index=False)
    # pandas' own metadata would put its version into the bytes.
    pq.write_table(table.replace_schema_metadata(None), folder / "rows.parquet", compression="zstd")
    return built.facts


def build_panel(config: PanelConfig, staged: Path | None = None) -> BuiltPanel:
    """Make the panel that the pipeline's panel stage would publish.

    Args:
        config: Source of the prices, contract, stocks and days.
        staged: JPX's price file, for a source that names none.

    Raises:
        PanelError: If the prices cannot be read or leave too few stocks or an empty side of the cut.

    Examples:
        >>> from hindsight import PanelConfig, PlantedSource, build_panel
        >>> built = build_panel(PanelConfig(source=PlantedSource(n_stocks=3), dates_per_stock=40))
        >>> len(built.rows), built.facts["n_dropped"]["no_target"]
        (120, 6)
        >>> built.rows["prompt"].iloc[0].split(" had ")[0]
        'On 2021-02-03, synthetic stock 1'
    """
    return _panel_of(*read_prices(config.source, config.contract, staged), config)


def panel_from_prices(
    prices: pd.DataFrame, config: PanelConfig | None = None, *, name: str = "stock", adjusted: bool = False
) -> BuiltPanel:
    """Make a panel from a table of prices.

    Args:
        prices: One row per stock and day in the columns of JPX's price file: SecuritiesCode, Date, Close and, where
            known, Volume, AdjustmentFactor (of splits) and Target (else computed from Close as JPX defines it).
        config: Contract, stocks and days; its source is left out.
        name: Text before the code in each sentence.
        adjusted: Close is already adjusted for splits: AdjustmentFactor is not read, and under `point_in_time`
            the panel has no log_close, because a back-adjusted level contains later splits.

    Raises:
        PanelError: If the table is no table of prices, or leaves too few stocks or an empty side of the cut.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from hindsight import panel_from_prices
        >>> days = pd.bdate_range("2020-10-01", "2021-02-26")
        >>> prices = pd.DataFrame({"SecuritiesCode": np.repeat(["A", "B"], len(days)), "Date": [*days, *days]})
        >>> prices["Close"] = np.exp(np.random.default_rng(0).normal(4, 0.01, len(prices)))
        >>> panel = panel_from_prices(prices, name="London Stock Exchange stock").rows
        >>> panel["prompt_undated"].iloc[0].split(" had ")[0]
        'London Stock Exchange stock A'
    """
    config = config or PanelConfig()
    if "source" in config.model_fields_set:
        raise PanelError(f"config.source is {config.source.kind}, and prices were passed; leave one of the two out.")
    source = CsvSource(csv="memory://prices", name=name, adjusted=adjusted)
    return _panel_of(prices_of_table(prices, source), {}, config.model_copy(update={"source": source}))


def _panel_of(prices: pd.DataFrame, pins: dict[str, JsonValue], config: PanelConfig) -> BuiltPanel:
    prices = prices.join(label_days(prices))
    funnel, candidates, codes = rows_of_contract(prices, config)
    drawn = draw_days(funnel.rows, codes, config.dates_per_stock, config.seed)
    check_drawn_sides(drawn, config.test_from)
    funnel.replace(drawn, "n_rows", "day_not_drawn")
    sentences = undated_sentences(drawn, config.source)
    rows = drawn.assign(prompt=dated(sentences, drawn["date"]), prompt_undated=sentences)
    log.info("panel: %d rows of %d stocks, drawn from %d", len(rows), len(codes), len(candidates))
    features, legs = ([name for name in names if name in rows] for names in (Panel.FEATURES, Panel.LEGS))
    facts: dict[str, JsonValue] = {
        "source": pins,
        "n_stocks": int(rows["code"].nunique()),
        **funnel.facts(),
        **_facts(rows, config),
        "n_splits": _n_splits(prices),
        "survivorship": survivorship(prices, candidates, codes, config.n_stocks, config.test_from),
    }
    return BuiltPanel(rows[[*KEYS, *features, *TEXTS, *legs]], facts)


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
