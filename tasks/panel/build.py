"""Makes a panel: from prices to rows and the facts about them, in memory or as `rows.parquet`."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from tasks.panel.config import CsvSource, PanelConfig, PlantedSource, PriceSource
from tasks.panel.contracts import Funnel, rows_of_contract
from tasks.panel.errors import PanelError
from tasks.panel.labels import label_days, return_ahead
from tasks.panel.prompts import dated, undated_sentences
from tasks.panel.sample import Codes, check_drawn_sides, draw_days, of_drawn_days, of_window, survivorship
from tasks.panel.sources.planted import planted_truth
from tasks.panel.sources.reader import prices_of_table, read_prices
from tasks.panel.table.checks import check_varies
from tasks.panel.table.config import TableColumns, TableSource
from tasks.panel.table.read import raw_table, read_table
from tasks.panel.table.rows import TableRows, sentences, table_rows
from tasks.panel.table.select import rows_of_table
from tasks.schemas.artifacts import Panel

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class BuiltPanel:
    """A panel in memory.

    Attributes:
        rows: One row per stock and day: code, date, label_from, label_until, features, target, prompt, prompt_undated
            (of a table, those sentences that it has) and, for pairs of currencies, leg_1 and leg_2.
        facts: Where the rows came from, rows left after each step and dropped by reason, and digests.

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
        PanelError: If the source cannot be read or leaves too few stocks or an empty side of the cut.

    Examples:
        >>> from hindsight import PanelConfig, PlantedSource, build_panel
        >>> built = build_panel(PanelConfig(source=PlantedSource(n_stocks=3), dates_per_stock=40))
        >>> len(built.rows), built.facts["n_dropped"]["no_target"]
        (120, 6)
        >>> built.rows["prompt"].iloc[0].split(" had ")[0]
        'On 2021-02-03, synthetic stock 1'
    """
    source = config.source
    if isinstance(source, TableSource):
        raw, sha256 = read_table(source)
        return _panel_of_table(table_rows(raw, source), {"table_sha256": sha256}, config)
    return _panel_of(*read_prices(source, config.contract, staged), source, config)


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
    config = _without_source(config, "prices were")
    source = CsvSource(csv="memory://prices", name=name, adjusted=adjusted)
    return _panel_of(prices_of_table(prices, source), {}, source, config.model_copy(update={"source": source}))


def panel_from_table(table: pd.DataFrame, columns: TableColumns, config: PanelConfig | None = None) -> BuiltPanel:
    """Make a panel from any dated table.

    Args:
        table: One row per entity and day.
        columns: What its columns mean.
        config: Contract, entities and days; its source is left out.

    Raises:
        PanelError: If the table holds what no panel can be made of, or leaves too few entities or an empty side of the
            cut.

    Examples:
        >>> import pandas as pd
        >>> from hindsight import TableColumns, panel_from_table
        >>> days = pd.date_range("2020-12-01", "2021-01-31").astype(str)
        >>> visits = pd.DataFrame([{"patient": name, "day": day, "pulse": 60 + number, "worse": number % 2}
        ...     for name in "AB" for number, day in enumerate(days)])
        >>> columns = TableColumns(entity="patient", time="day", target="worse", features=("pulse",),
        ...     template="On {date}, patient {entity} had a pulse of {pulse:.0f}.")
        >>> built = panel_from_table(visits, columns)
        >>> built.facts["target"], built.rows["prompt_undated"].iloc[0].split(" had ")[0]
        ('binary', 'patient A')
    """
    config = _without_source(config, "a table was")
    return _panel_of_table(table_rows(raw_table(table, columns), columns), {}, config)


def _without_source(config: PanelConfig | None, what: str) -> PanelConfig:
    config = config or PanelConfig()
    if "source" in config.model_fields_set:
        raise PanelError(f"config.source is {config.source.kind}, and {what} passed; leave one of the two out.")
    return config


def _panel_of(prices: pd.DataFrame, pins: dict[str, JsonValue], source: PriceSource, config: PanelConfig) -> BuiltPanel:
    if config.horizon is None:
        prices = prices.join(label_days(prices))
    else:
        days = label_days(prices, config.horizon)
        prices = prices.join(days).assign(target=return_ahead(prices, config.horizon))
    funnel, candidates, codes = rows_of_contract(prices, config)
    drawn = _draw(funnel, codes, config)
    undated = undated_sentences(drawn, source)
    rows = drawn.assign(prompt=dated(undated, drawn["date"]), prompt_undated=undated)
    features = [name for name in Panel.PRICE_FEATURES if name in rows]
    legs = [name for name in Panel.LEGS if name in rows]
    facts = {"source": pins, **_facts(rows, funnel, config), "target": "number", "n_splits": _n_splits(prices)}
    if isinstance(source, PlantedSource):
        facts["planted"] = planted_truth(rows, source, _is_test(rows, config))
    observed = prices[prices["close"].notna()]
    facts["survivorship"] = survivorship(observed, candidates, codes, config.n_stocks, config.test_from, "close")
    return BuiltPanel(rows[[*Panel.KEYS, *features, "target", *Panel.TEXTS, *legs]], facts)


def _panel_of_table(table: TableRows, pins: dict[str, JsonValue], config: PanelConfig) -> BuiltPanel:
    selected = rows_of_table(table, config)
    drawn = _draw(selected.funnel, selected.codes, config)
    columns = table.columns
    check_varies(drawn[_is_test(drawn, config)], columns.target, f"the test side, from {config.test_from} on,")
    rows = drawn.assign(**sentences(table, drawn))
    chosen = (selected.observed, selected.candidates, selected.codes, config.n_stocks, config.test_from)
    facts = {
        "source": pins,
        **_facts(rows, selected.funnel, config),
        **selected.facts,
        "survivorship": survivorship(*chosen, "row"),
    }
    return BuiltPanel(rows[[*Panel.KEYS, *columns.features, "target", *columns.sentences]], facts)


def _draw(funnel: Funnel, codes: Codes, config: PanelConfig) -> pd.DataFrame:
    """The panel's rows, in the order drawn."""
    if config.last_day is not None or config.n_last_days is not None:
        in_window = of_window(funnel.rows, config.last_day, config.n_last_days)
        funnel.keep(in_window, "n_rows_of_window", "outside_window")
    n_rows = len(funnel.rows)
    candidates = of_drawn_days(funnel.rows, config.n_days, config.seed)
    drawn = draw_days(candidates, codes, config.dates_per_stock, config.seed)
    check_drawn_sides(drawn, config.test_from)
    funnel.replace(drawn, "n_rows", "day_not_drawn")
    log.info("panel: %d rows of %d stocks, drawn from %d", len(drawn), len(codes), n_rows)
    return drawn


def _is_test(rows: pd.DataFrame, config: PanelConfig) -> np.ndarray:
    return (rows["date"] >= pd.Timestamp(config.test_from)).to_numpy()


def _facts(rows: pd.DataFrame, funnel: Funnel, config: PanelConfig) -> dict[str, JsonValue]:
    is_test = _is_test(rows, config)
    keys = (f"{code},{day:%Y-%m-%d}" for code, day in zip(rows["code"], rows["date"], strict=True))
    facts: dict[str, JsonValue] = {
        "n_stocks": int(rows["code"].nunique()),
        **funnel.facts(),
        "n_train_rows": int((~is_test).sum()),
        "n_test_rows": int(is_test.sum()),
        "first_day": f"{rows['date'].min():%Y-%m-%d}",
        "last_day": f"{rows['date'].max():%Y-%m-%d}",
        "keys_sha256": _sha256_of_lines(keys),
    }
    if "prompt" in rows:
        facts |= {
            "prompt_first": str(rows["prompt"].iloc[0]),
            "prompts_sha256": _sha256_of_lines(rows["prompt"]),
        }
    return facts


def _n_splits(prices: pd.DataFrame) -> int | None:
    """Splits among all prices; None if the source does not record them."""
    if "adjustment" not in prices.columns:
        return None
    return int((prices["adjustment"].fillna(1.0) != 1.0).sum())


def _sha256_of_lines(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
