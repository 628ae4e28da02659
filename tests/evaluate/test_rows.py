"""What is refused of a panel, by the pair's name and its days."""

import numpy as np
import pandas as pd
import pytest

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.rows import direction_rows
from tasks.sampling.errors import NotPairs, PriceGap
from tests.evaluate.panels import made_panel, made_rows

CONFIG = EvaluateConfig()
PANEL = made_panel()


def test_rows_are_the_panels_in_its_order():
    rows = made_rows()
    assert rows.horizon == 5
    assert rows.currencies == [f"C{number:02}" for number in range(6)]
    assert list(rows.numeric.columns) == ["ret_30d", "vol_20d"]
    np.testing.assert_array_equal(rows.outcome, PANEL["target"])


def test_a_panel_without_legs_is_refused():
    with pytest.raises(
        NotPairs, match=r"the panel has no leg_1 and no leg_2; .* such as those of panel.source.kind = ecb"
    ):
        direction_rows(PANEL.drop(columns=["leg_1", "leg_2"]), CONFIG)


@pytest.mark.parametrize("missing", [None, ""])
def test_a_pair_that_lacks_a_leg_is_refused_by_its_name_and_day(missing):
    panel = PANEL.astype({"leg_2": object})
    panel.loc[62:64, "leg_2"] = missing
    with pytest.raises(NotPairs, match="pair C00C02 has no leg_2 on 2020-01-03, and 3 rows in all have none"):
        direction_rows(panel, CONFIG)


def test_a_gap_longer_than_the_features_window_is_refused_by_its_pair_and_days():
    later = PANEL["date"] > pd.Timestamp(2020, 2, 3)
    days = ["date", "label_from", "label_until"]
    panel = PANEL.copy()
    moved = later & (panel["code"] == "C01C02")
    panel.loc[moved, days] += pd.Timedelta(days=60)
    with pytest.raises(
        PriceGap, match=r"C01C02 has no price between 2020-02-03 and 2020-04-04, 61 days; at most max_gap"
    ):
        direction_rows(panel, CONFIG)
    assert len(direction_rows(panel, EvaluateConfig(max_gap_days=61)).outcome) == len(panel)


def test_a_label_that_reaches_over_a_gap_is_refused_too():
    panel = PANEL.copy()
    panel.loc[panel.index[-1], "label_until"] += pd.Timedelta(days=50)
    with pytest.raises(PriceGap, match="pair C04C05 has no price between 2020-03-24 and 2020-05-20, 57 days"):
        direction_rows(panel, CONFIG)
