"""Panels in memory are those of the stage, from a source and from a table of prices."""

import numpy as np
import pandas as pd
import pytest

from tasks.panel.build import build_panel, panel_from_prices, write_panel
from tasks.panel.config import CsvSource, PanelConfig, PlantedSource, Sp500Source
from tasks.panel.errors import AmbiguousPrices, PanelError, UnreadablePrices
from tasks.schemas.artifacts import Panel

SMALL = PanelConfig(n_stocks=3, dates_per_stock=40)


@pytest.fixture
def prices() -> pd.DataFrame:
    """Four stocks over seven months around the cut, with a split, a volume and columns that are not read."""
    days = pd.bdate_range("2020-09-01", "2021-03-31")
    rng = np.random.default_rng(0)
    n_rows = 4 * len(days)
    return pd.DataFrame(
        {
            "SecuritiesCode": np.repeat([1301, 1332, 7203, 9984], len(days)),
            "Date": np.tile(days, 4),
            "Open": 1.0,
            "Close": np.exp(rng.normal(4, 0.02, n_rows)),
            "Volume": rng.integers(1, 1000, n_rows),
            "AdjustmentFactor": np.where(np.arange(n_rows) == 40, 0.5, 1.0),
        }
    )


@pytest.mark.parametrize("source", [Sp500Source(), PlantedSource(n_stocks=5)], ids=lambda source: source.kind)
def test_rows_and_facts_are_those_of_the_written_panel(source, tmp_path):
    config = SMALL.model_copy(update={"source": source})
    built, facts = build_panel(config), write_panel(config, tmp_path)
    pd.testing.assert_frame_equal(built.rows, Panel(tmp_path).rows())
    assert built.facts == facts


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_table_gives_the_panel_of_the_file_of_it(prices, adjusted, as_text, tmp_path):
    prices.to_csv(tmp_path / "prices.csv", index=False)
    source = CsvSource(csv=str(tmp_path / "prices.csv"), name="Tokyo stock", adjusted=adjusted)
    from_file = build_panel(SMALL.model_copy(update={"source": source}))
    # Days and codes as text, as a CSV is read without parse_dates; rows in any order.
    given = prices.astype({"Date": str, "SecuritiesCode": str}) if as_text else prices
    shuffled = given.sample(frac=1, random_state=0)
    built = panel_from_prices(shuffled, SMALL, name="Tokyo stock", adjusted=adjusted)
    pd.testing.assert_frame_equal(built.rows, from_file.rows)
    assert ("log_close" in built.rows) is not adjusted
    assert {**built.facts, "source": 0} == {**from_file.facts, "source": 0}


def test_codes_keep_their_zeros_and_the_prices_given_are_not_changed(prices):
    given = prices.assign(SecuritiesCode="0" + prices["SecuritiesCode"].astype(str))
    before = given.copy()
    assert panel_from_prices(given, SMALL).rows["code"].str.startswith("0").all()
    pd.testing.assert_frame_equal(given, before)


def test_two_sources_are_refused(prices):
    with pytest.raises(PanelError, match="source is planted, and prices were passed; leave one of the two out"):
        panel_from_prices(prices, PanelConfig(source=PlantedSource()))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda t: t.drop(columns="Close"), "the table of prices lacks Close; a panel needs the columns Securi"),
        (
            lambda t: t.assign(Close=t["Close"].where(t.index != 5, -1)),
            "row 5 of the prices, counted from 0, has Clo",
        ),
        (lambda t: t.assign(Volume="many"), "prices hold str in Volume, numbers are needed"),
        (lambda t: t.assign(Date=t["Date"].dt.tz_localize("Asia/Tokyo")), "in Date, days without a time are needed"),
        (lambda t: t.assign(Date=t["Date"] + pd.Timedelta(hours=9)), "it has a time of day or a time zone"),
        (lambda t: t.assign(Date="4.1.2021"), "prices hold str in Date, days without a time are needed"),
        (lambda t: t.assign(SecuritiesCode=None), "of the table of prices lack SecuritiesCode or Date; remove them"),
        (lambda t: pd.concat([t, t[["Close"]]], axis=1), "the table of prices has more than one column Close"),
        (lambda t: t.to_numpy(), "prices are of type ndarray; pass a pandas DataFrame"),
    ],
)
def test_a_table_that_is_not_one_of_prices_is_refused_by_what_is_wrong(prices, break_it, message):
    with pytest.raises(UnreadablePrices, match=message):
        panel_from_prices(break_it(prices), SMALL)


def test_two_prices_for_a_day_are_refused(prices):
    with pytest.raises(AmbiguousPrices, match="stock 1301 has more than one row for 2020-09-01"):
        panel_from_prices(pd.concat([prices, prices.iloc[[0]]]), SMALL)
