"""Known answers of the baselines."""

import numpy as np
import pandas as pd
import pytest

from tasks.evaluate.baselines import PLANTED, make_baseline, model_table
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import UnknownFeature
from tests.evaluate.panels import made_rows

CONFIG = EvaluateConfig()


def pairs(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Rows of day, first leg and second leg."""
    table = pd.DataFrame(rows, columns=["date", "leg_1", "leg_2"])
    return table.assign(date=pd.to_datetime(table["date"]))


def look_up(train: pd.DataFrame, rose: list[bool], asked: pd.DataFrame) -> list[float]:
    return make_baseline("look-up", [], CONFIG).fit(train, rose).predict_proba(asked)[:, 1].tolist()


def test_the_look_up_follows_the_currencies_other_pairs_of_the_day():
    # On the 1st the euro rose against the yen and the dollar fell against it; on the 2nd both the other way.
    train = pairs(
        ("2020-01-01", "EUR", "JPY"), ("2020-01-01", "USD", "JPY"),
        ("2020-01-02", "EUR", "JPY"), ("2020-01-02", "USD", "JPY"),
    )  # fmt: skip
    asked = pairs(
        ("2020-01-01", "EUR", "USD"), ("2020-01-01", "USD", "EUR"),
        ("2020-01-02", "EUR", "USD"), ("2020-01-03", "EUR", "USD"), ("2020-01-01", "AUD", "NZD"),
    )  # fmt: skip
    first, turned, next_day, unseen_day, unseen_pair = look_up(train, [True, False, False, True], asked)
    assert first > 0.9
    assert turned == pytest.approx(1 - first)
    assert next_day == pytest.approx(1 - first)
    assert (unseen_day, unseen_pair) == (0.5, 0.5)


def test_the_look_ups_strengths_solve_the_logistic_regressions_equation():
    # One pair of a day: strengths s and -s, with s = C * (1 - p) and p = 1 / (1 + exp(-2 s)).
    (probability,) = look_up(
        pairs(("2020-01-01", "EUR", "USD"), ("2020-01-02", "EUR", "USD")),
        [True, False],
        pairs(("2020-01-01", "EUR", "USD")),
    )
    strength = np.log(probability / (1 - probability)) / 2
    assert strength == pytest.approx(10 * (1 - probability), rel=1e-6)


def test_what_the_look_up_says_of_a_day_does_not_depend_on_how_many_other_days_there_are():
    day = pairs(("2020-01-01", "EUR", "JPY"), ("2020-01-01", "USD", "JPY"))
    asked = pairs(("2020-01-01", "EUR", "USD"))
    days = pd.date_range("2021-01-01", periods=2_000)
    others = pd.DataFrame({"date": days, "leg_1": "EUR", "leg_2": "JPY"})
    (alone,) = look_up(day, [True, False], asked)
    (among_others,) = look_up(pd.concat([day, others]), [True, False, *[True, False] * 1_000], asked)
    assert among_others == pytest.approx(alone, abs=1e-4)


def test_momentum_follows_the_sign_of_one_feature_in_the_direction_that_train_shows():
    table = pd.DataFrame({"ret_30d": [2.0, -0.1, 0.3, -7.0, 0.0]})
    continued = np.array([True, False, True, False, True])
    for rose, up, down in ((continued, 1, 0), (~continued, 0, 1)):
        model = make_baseline("momentum", ["ret_30d"], CONFIG).fit(table, rose)
        probability = model.predict_proba(table)[:, 1]
        assert probability[0] == probability[2]
        assert [round(value) for value in probability[[0, 1]]] == [up, down]
        assert probability[4] == 0.5


def test_a_momentum_of_an_unknown_feature_names_the_panels():
    with pytest.raises(
        UnknownFeature, match=r"evaluate.momentum is 'ret_9d'; the panel's features are ret_30d, vol_20d"
    ):
        make_baseline("momentum", ["ret_30d", "vol_20d"], EvaluateConfig(momentum="ret_9d"))


def test_only_the_control_reads_the_planted_column():
    rows = made_rows()
    table, features = model_table(rows, seed=0), list(rows.numeric.columns)
    assert np.mean((table[PLANTED] > 0) == rows.is_up) > 0.97
    spoilt = table.assign(**{PLANTED: -table[PLANTED]})
    for name in ("majority", "momentum", "logistic", "boosting", "look-up", "planted"):
        model = make_baseline(name, features, CONFIG).fit(table, rows.is_up)
        is_same = np.array_equal(model.predict_proba(table), model.predict_proba(spoilt))
        assert is_same == (name != "planted")
