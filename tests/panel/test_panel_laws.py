"""What holds of every panel, on numbers a reader can check."""

import hashlib
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.panel.build import build_panel, write_panel
from tasks.panel.config import (
    REVISION,
    CsvSource,
    EcbFxSource,
    JpxSource,
    PanelConfig,
    PlantedSource,
    Sp500Source,
    panel_label,
)
from tasks.panel.errors import EmptySplit
from tasks.panel.prompts import dated, undated_sentences
from tasks.panel.sample import draw_days, longest_histories, of_drawn_days, of_window
from tasks.panel.sources.reader import read_prices
from tasks.schemas.artifacts import Panel
from tasks.schemas.entities import COMPANIES
from tests.panel.conftest import prices_of

SOURCES = [Sp500Source(), EcbFxSource(), PlantedSource(n_stocks=5)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind)
@pytest.mark.parametrize("contract", ["reference", "point_in_time"])
def test_every_panel_has_the_columns_the_rooms_meet_in(source, contract, tmp_path):
    write_panel(PanelConfig(source=source, contract=contract, n_stocks=5, dates_per_stock=40), tmp_path)
    panel = Panel(tmp_path)
    rows = panel.rows()
    legs = [*Panel.LEGS] if source.kind == "ecb_fx" else []
    keys = ["code", "date", "label_from", "label_until"]
    assert list(rows) == [*keys, *panel.numeric_columns(), "target", "prompt", "prompt_undated", *legs]
    assert rows.notna().all(axis=None)
    assert not rows.duplicated(["code", "date"]).any()
    assert (rows["label_from"] > rows["date"]).all()
    assert (rows["label_until"] > rows["label_from"]).all()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.kind)
def test_the_undated_sentence_is_the_dated_one_without_its_day(source, tmp_path):
    write_panel(PanelConfig(source=source, n_stocks=5, dates_per_stock=40), tmp_path)
    rows = Panel(tmp_path).rows()
    assert rows["prompt"].tolist() == [
        f"On {day:%Y-%m-%d}, {sentence}" for day, sentence in zip(rows["date"], rows["prompt_undated"], strict=True)
    ]
    years = rows["date"].dt.year.astype(str)
    assert not any(year in sentence for year, sentence in zip(years, rows["prompt_undated"], strict=True))


@pytest.mark.parametrize(
    ("source", "code", "name"),
    [
        (Sp500Source(), "AAPL", "S&P 500 stock Apple (AAPL)"),
        (JpxSource(csv="/x"), 1301, "Japanese Tokyo Stock Exchange securities code 1301"),
        (CsvSource(csv="/x"), "0005", "stock 0005"),
        (CsvSource(csv="/x", name="London Stock Exchange stock"), "VOD", "London Stock Exchange stock VOD"),
        (EcbFxSource(), "USDJPY", "currency pair USDJPY (Japanese yen per US dollar)"),
        (PlantedSource(), 7, "synthetic stock 7"),
    ],
)
def test_a_sentence_tells_day_stock_and_past_and_not_the_target(source, code, name):
    row = {"code": code, "date": pd.Timestamp("2019-10-18"), "target": 0.7777}
    rows = pd.DataFrame([{**row, "ret_5d": 0.0234, "ret_30d": -0.0594, "vol_20d": 0.0081}])
    assert dated(undated_sentences(rows, source), rows["date"]) == [
        f"On 2019-10-18, {name} had recent 5-day log return +0.0234, "
        "30-day log return -0.0594, 20-day volatility 0.0081."
    ]


def test_every_sp500_stock_has_a_name():
    prices, _ = read_prices(Sp500Source(), "reference")
    assert set(prices["code"]) == set(COMPANIES)


def test_a_source_of_adjusted_closes_has_a_level_under_the_reference_only(tmp_path):
    returns = ["ret_5d", "ret_30d", "vol_20d"]
    for contract, level in (("reference", ["log_close"]), ("point_in_time", [])):
        write_panel(PanelConfig(n_stocks=2, dates_per_stock=30, contract=contract), tmp_path)
        assert Panel(tmp_path).numeric_columns() == [*level, *returns]


def test_the_longest_histories_are_kept_and_ties_go_by_code():
    rows = prices_of({"C": [1.0] * 3, "A": [1.0] * 2, "D": [1.0] * 2, "B": [1.0] * 2})
    assert longest_histories(rows, 3) == ["A", "B", "C"]


def test_a_stock_with_few_days_keeps_all_and_leaves_the_others_draw_alone():
    short_first = prices_of({"A": [1.0] * 4, "B": [1.0] * 9})
    drawn = draw_days(short_first, ["A", "B"], 4, seed=42)
    assert drawn[drawn["code"] == "A"]["date"].is_monotonic_increasing
    alone = draw_days(prices_of({"B": [1.0] * 9}), ["B"], 4, seed=42)
    pd.testing.assert_frame_equal(drawn[drawn["code"] == "B"].reset_index(drop=True), alone)


def test_days_drawn_for_the_whole_panel_are_shared_by_its_stocks_and_counted(tmp_path):
    source = PlantedSource(n_stocks=8)
    alone, shared = (
        PanelConfig(source=source, dates_per_stock=30),
        PanelConfig(source=source, dates_per_stock=30, n_days=40),
    )
    facts = write_panel(shared, tmp_path)
    rows = Panel(tmp_path).rows()
    assert rows["date"].nunique() <= 40
    assert rows.groupby("code").size().tolist() == [30] * 8
    assert rows.groupby("date").size().mean() >= 6
    assert facts["n_rows"] == 240 == facts["n_rows_raw"] - sum(facts["n_dropped"].values())
    # A recipe without the field keeps its artifact.
    assert "n_days" not in alone.identity()
    assert shared.identity()["n_days"] == 40


def test_all_days_are_kept_where_there_are_no_more_than_drawn():
    rows = prices_of({"A": [1.0] * 9, "B": [1.0] * 7})
    for n_days in (None, 9, 20):
        assert of_drawn_days(rows, n_days, seed=1) is rows
    drawn = of_drawn_days(rows, 4, seed=1)
    assert drawn["date"].nunique() == 4
    # Every row of a drawn day is kept.
    assert len(drawn) == int(rows["date"].isin(drawn["date"]).sum())


def test_under_the_reference_rows_are_dropped_with_a_reason_and_none_is_lost(jpx_prices, tmp_path):
    file = tmp_path / "prices.csv"
    jpx_prices.loc[[3, 70], "Target"] = None
    jpx_prices.to_csv(file, index=False)
    source = JpxSource(csv=str(file))
    facts = write_panel(PanelConfig(source=source, contract="reference", dates_per_stock=25), tmp_path)
    assert facts["n_rows_raw"] == 120
    # 59 rows with a target per stock, of which the first 30 lack the 30-day return.
    assert facts["n_dropped"] == {"no_target": 2, "missing_feature": 60, "stock_not_kept": 0, "day_not_drawn": 8}
    assert facts["n_rows"] == facts["n_train_rows"] + facts["n_test_rows"] == 50


def test_the_order_of_the_price_file_does_not_matter(jpx_prices, tmp_path):
    panels = []
    for name, prices in [("sorted", jpx_prices), ("shuffled", jpx_prices.sample(frac=1, random_state=7))]:
        (tmp_path / name).mkdir()
        prices.to_csv(tmp_path / name / "prices.csv", index=False)
        source = JpxSource(csv=str(tmp_path / name / "prices.csv"))
        write_panel(PanelConfig(source=source, dates_per_stock=25), tmp_path / name)
        panels.append((tmp_path / name / "rows.parquet").read_bytes())
    assert panels[0] == panels[1]


def test_the_label_names_the_contract_where_it_is_not_the_usual_one():
    assert panel_label(PanelConfig(), {}) == "sp500-1000x30"
    assert panel_label(PanelConfig(contract="reference"), {}) == "sp500-1000x30-reference"


def test_revision_is_raised_with_the_bytes(tmp_path):
    digests = []
    for source in SOURCES:
        cut = "2010-01-01" if source.kind != "planted" else "2019-01-01"
        write_panel(PanelConfig(source=source, n_stocks=3, dates_per_stock=4, test_from=cut), tmp_path)
        rows = Panel(tmp_path).rows().to_csv(index=False, float_format="%.9g")
        digests.append(hashlib.sha256(rows.encode()).hexdigest()[:16])
    known = {2: ["fd8af435bbe9d36a", "0a4f7559a0e931fd", "07236185b033525f"]}
    assert known.get(REVISION) == digests, (
        "the same panel config gives other rows: raise REVISION in tasks/panel/config.py and add the new digests here, "
        "or stores will serve the old rows for the new code"
    )


def test_a_window_is_its_last_days_up_to_one_and_what_it_drops_is_counted():
    config = PanelConfig(source=EcbFxSource(), n_stocks=51, dates_per_stock=20, horizon=5, test_from=date(2015, 6, 22))
    built = build_panel(config.model_copy(update={"last_day": date(2015, 6, 30), "n_last_days": 20}))
    days = np.sort(built.rows["date"].unique())
    assert (len(built.rows), len(days), days[-1]) == (51 * 20, 20, np.datetime64("2015-06-30"))
    assert built.rows["label_until"].max() == pd.Timestamp(2015, 7, 7)
    dropped = built.facts["n_dropped"]["outside_window"]
    assert built.facts["n_rows_of_window"] + dropped == built.facts["n_rows_of_kept_stocks"]


def test_a_window_before_the_first_row_is_refused():
    rows = pd.DataFrame({"date": pd.to_datetime(["2020-01-02", "2020-01-03"])})
    assert of_window(rows, None, 1).tolist() == [False, True]
    with pytest.raises(EmptySplit, match=r"on or before panel.last_day=2019-12-31; they begin on 2020-01-02"):
        of_window(rows, date(2019, 12, 31), None)


def test_a_source_with_a_target_of_its_own_takes_no_horizon():
    with pytest.raises(ValidationError, match="horizon is 5, and a source of kind 'planted' has a target of its own"):
        PanelConfig(source=PlantedSource(), horizon=5)
