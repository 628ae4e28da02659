"""Pairs of currencies are differences of two rates of the euro."""

import numpy as np
import pytest

from tasks.panel.build import write_panel
from tasks.panel.config import EcbFxSource, PanelConfig
from tasks.panel.sources.currencies import euro_rates
from tasks.panel.sources.reader import read_prices
from tasks.schemas.artifacts import Panel
from tasks.schemas.entities import CURRENCIES


@pytest.fixture(scope="module")
def pairs():
    return read_prices(EcbFxSource(), "point_in_time")[0]


def test_every_pair_is_a_difference_of_two_rates_of_the_euro(pairs):
    log_rates = np.log(euro_rates())
    for (code, first, second), own in pairs.groupby(["code", "leg_1", "leg_2"]):
        assert code == first + second
        difference = log_rates[second] - log_rates[first]
        np.testing.assert_allclose(np.log(own["close"]), difference, atol=1e-12)


def test_a_cross_follows_from_the_two_pairs_it_goes_through(pairs):
    log_close = np.log(pairs.pivot(index="date", columns="code", values="close"))
    np.testing.assert_allclose(log_close["EURJPY"], log_close["EURUSD"] + log_close["USDJPY"], atol=1e-12)


def test_there_are_51_pairs_of_16_currencies_without_a_gap(pairs):
    assert set(pairs["leg_1"]) | set(pairs["leg_2"]) == set(CURRENCIES)
    assert len(CURRENCIES) == 16
    assert pairs.groupby("code").size().to_dict() == dict.fromkeys(pairs["code"].unique(), 7126)
    assert pairs["code"].nunique() == 51


def test_a_known_rate_reads_as_the_market_quotes_it(pairs):
    euro = pairs[(pairs["code"] == "EURUSD") & (pairs["date"] == "1999-01-04")]
    assert euro["close"].item() == pytest.approx(1.1789)


def test_the_panel_names_both_legs_and_has_no_volume(tmp_path):
    facts = write_panel(PanelConfig(source=EcbFxSource(), dates_per_stock=40), tmp_path)
    panel = Panel(tmp_path)
    rows = panel.rows()
    assert facts["n_stocks"] == 51
    assert panel.numeric_columns() == ["log_close", "ret_5d", "ret_30d", "vol_20d"]
    assert (rows["code"] == rows["leg_1"] + rows["leg_2"]).all()
    first = rows[rows["code"] == "EURUSD"].iloc[0]
    assert first["prompt_undated"].startswith("currency pair EURUSD (US dollars per euro) had recent 5-day log return")


def test_n_stocks_caps_the_pairs(tmp_path):
    write_panel(PanelConfig(source=EcbFxSource(), n_stocks=3, dates_per_stock=40), tmp_path)
    assert sorted(set(Panel(tmp_path).rows()["code"])) == ["AUDCAD", "AUDCHF", "AUDJPY"]
