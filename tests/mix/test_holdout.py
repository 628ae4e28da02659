"""No example knows what a question asks about, and evaluate means the same days."""

import re
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.rows import direction_rows
from tasks.evaluate.splits import direction_splits
from tasks.mix.config import FormulasSource, MixConfig
from tasks.mix.panel_rows import PanelRows
from tasks.mix.questions import direction_questions, spread
from tasks.sampling.cut import find_cut
from tasks.sampling.errors import BadHoldout, NotPairs, PriceGap
from tests.evaluate.panels import made_panel
from tests.mix.mixes import FEW, mix_of, panel_with_closes

PANEL = made_panel()


@settings(max_examples=25)
@given(st.floats(0.1, 0.6), st.integers(0, 9))
def test_evaluate_tests_the_days_that_are_asked_about_and_trains_on_those_that_are_trained_on(share, embargo):
    given_to_both = {"holdout_share": share, "embargo_days": embargo}
    rows, config = PanelRows.of(PANEL, MixConfig(**given_to_both)), EvaluateConfig(**given_to_both)
    cut = find_cut(PANEL["date"], config)
    assert rows.cut == cut
    split = direction_splits(direction_rows(PANEL, config), cut, config)["chronological"].split
    assert np.flatnonzero(rows.is_holdout).tolist() == split.test.tolist()
    assert np.flatnonzero(rows.is_train).tolist() == split.train.tolist()
    days = zip(PANEL["date"].dt.date, PANEL["label_until"].dt.date, strict=True)
    assert [rows.may_train(day, label_until) for day, label_until in days] == rows.is_train.tolist()
    # Of the label, the purge asks; of the day, the embargo.
    trained = PANEL[rows.is_train]
    assert trained["label_until"].max() < pd.Timestamp(cut.holdout_from)
    assert trained["date"].max() < pd.Timestamp(cut.holdout_from) - pd.Timedelta(days=embargo)


@pytest.mark.parametrize("embargo_days", [0, 3])
def test_whatever_is_known_of_an_examples_days_must_lie_before_the_hold_out(embargo_days):
    rows = PanelRows.of(PANEL, MixConfig(holdout_from=date(2020, 3, 2), embargo_days=embargo_days))
    assert rows.last_day == date(2020, 3, 1) - timedelta(days=embargo_days)
    assert rows.may_train(None, None)
    assert rows.may_train(rows.last_day, date(2020, 3, 1))
    assert rows.may_train(None, rows.last_day)
    assert not rows.may_train(None, date(2099, 1, 1))
    assert not rows.may_train(None, date(2020, 3, 2))
    assert not rows.may_train(rows.last_day, date(2020, 3, 2))
    assert not rows.may_train(rows.last_day + timedelta(days=1), None)


def test_no_example_knows_a_day_of_the_hold_out_and_every_question_asks_about_one(tmp_path):
    config = MixConfig(sources=(*FEW, FormulasSource()), holdout_from=date(2020, 3, 2), embargo_days=3)
    panel = panel_with_closes()
    mix, _ = mix_of(tmp_path, config, panel)
    until = dict(zip(panel["code"] + panel["date"].dt.strftime("-%Y-%m-%d"), panel["label_until"], strict=True))
    generated = [each for each in (*mix.chats(), *mix.preferences()) if each.source != "formulas"]
    assert len(generated) == 15 * (20 + 10 + 5)
    assert max(until[each.id.partition("/")[2]] for each in generated) < pd.Timestamp(2020, 3, 2)
    assert max(each.day for each in generated) <= date(2020, 2, 27)
    shown = [day for each in mix.chats() for day in re.findall(r"\d{4}-\d\d-\d\d", each.messages[0].content)]
    assert shown
    assert max(shown) < "2020-02-28"
    asked = panel["date"].iloc[[question.row for question in mix.directions()]]
    assert len(asked) == int((panel["date"] >= "2020-03-02").sum())
    assert asked.min() == pd.Timestamp(2020, 3, 2)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(1, 40))
def test_questions_are_spread_evenly_over_the_days(days, n_rows):
    days = np.array(days)
    drawn = spread(days, n_rows, np.random.default_rng(0))
    assert len(set(drawn)) == len(drawn) == min(n_rows, len(days))
    asked, there = (np.bincount(own, minlength=7) for own in (days[drawn], days))
    assert all(n >= asked.max() - 1 or n == own for n, own in zip(asked, there, strict=True))


def test_capped_questions_are_in_the_rows_order():
    rows = PanelRows.of(PANEL, MixConfig())
    asked = [each.row for each in direction_questions(rows, MixConfig(n_directions=50))]
    assert asked == sorted(asked)
    assert len(set(asked)) == 50


def test_a_panel_that_cannot_be_asked_about_is_refused_by_name():
    legless = PANEL.astype({"leg_2": object})
    legless.loc[62, "leg_2"] = None
    with pytest.raises(NotPairs, match="pair C00C02 has no leg_2 on 2020-01-03"):
        PanelRows.of(legless, MixConfig())
    later = PANEL["date"].where(PANEL["date"] < "2020-02-04", PANEL["date"] + pd.Timedelta(days=60))
    with pytest.raises(PriceGap, match="pair C00C01 has no price between 2020-02-03 and 2020-04-04, 61 days"):
        PanelRows.of(PANEL.assign(date=later), MixConfig())
    with pytest.raises(BadHoldout, match=r"starts on 2020-02-20, and the training ends on train_until=2020-03-20"):
        PanelRows.of(PANEL, MixConfig(train_until=date(2020, 3, 20)))
    with pytest.raises(BadHoldout, match=r"no row has a day up to 2019-11-11, by train_until=2020-02-19 and emb"):
        PanelRows.of(PANEL, MixConfig(embargo_days=100))
