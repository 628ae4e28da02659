"""Generated examples: prompts and rules know the past alone, the outcome decides what is right."""

import re
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mix import generate as generate_module
from tasks.mix.config import FeaturesSource, MixConfig, PairsSource, ScenariosSource
from tasks.mix.errors import MissingFeature
from tasks.mix.generate import generate
from tasks.mix.panel_rows import PanelRows
from tasks.mix.questions import direction_questions
from tasks.mix.texts import Trade, feature_answer, feature_prompt
from tasks.panel.build import build_panel
from tasks.panel.sources import reader
from tasks.schemas.examples import ChatExample, PreferencePair
from tests.evaluate.panels import made_panel, window
from tests.mix.mixes import FEW

CONFIG = MixConfig()
SOURCES = (*FEW, PairsSource(name="sides", prompts="scenarios", n_per_pair=5))
ROW = {"code": "EURUSD", "date": pd.Timestamp(2020, 1, 2), "log_close": 0.11, "ret_5d": 0.008, "ret_30d": -0.0123}
ROW |= {"vol_20d": 0.00612}
TRADE = Trade("0.00612", 50_000, 1.0, 2.0)


def examples(
    panel: pd.DataFrame, source: object, config: MixConfig = CONFIG
) -> dict[str, ChatExample | PreferencePair]:
    found = generate(source, PanelRows.of(panel, config), config).candidates
    return {each.example.id: each.example for each in found}


def prompt(example: ChatExample | PreferencePair) -> object:
    return example.messages[:-1] if isinstance(example, ChatExample) else example.prompt


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_outcomes_change_no_prompt_and_no_scenario(seed):
    panel = made_panel()
    others = panel.assign(target=np.random.default_rng(seed).choice([-1.0, 1.0], len(panel)))
    for source in SOURCES:
        before, after = examples(panel, source), examples(others, source)
        assert {name: prompt(each) for name, each in before.items()} == {
            name: prompt(each) for name, each in after.items()
        }
        assert (before == after) == isinstance(source, ScenariosSource)


def test_prices_after_a_row_change_nothing_but_its_outcome(monkeypatch):
    rates = reader.euro_rates().loc["2014-06":"2015-07"].copy()
    later = rates.copy()
    changed_after = pd.Timestamp(2015, 1, 30)
    is_later = later.index > changed_after
    later.loc[is_later] *= np.exp(np.random.default_rng(1).normal(0, 0.05, (int(is_later.sum()), later.shape[1])))
    found = []
    for own in (rates, later):
        monkeypatch.setattr(reader, "euro_rates", lambda own=own: own)
        panel = build_panel(window(date(2015, 6, 30))).rows
        found.append([examples(panel, source) for source in SOURCES])
    for source, before, after in zip(SOURCES, *found, strict=True):
        known = [name for name, each in before.items() if pd.Timestamp(each.day) <= changed_after]
        assert len(known) > 50
        assert [prompt(before[name]) for name in known] == [prompt(after[name]) for name in known]
        assert any(before[name] != after[name] for name in known) != isinstance(source, ScenariosSource)


def test_the_outcome_decides_which_answer_is_chosen():
    panel = made_panel()
    rises = dict(zip(panel["code"] + panel["date"].dt.strftime("-%Y-%m-%d"), panel["target"] > 0, strict=True))
    for name, each in examples(panel, FeaturesSource()).items():
        assert each.messages[-1].content.startswith("up: " if rises[name.partition("/")[2]] else "down: ")
    for words, source in {("up: ", "down: "): SOURCES[2], ("long: ", "short: "): SOURCES[3]}.items():
        for name, each in examples(panel, source).items():
            answers = (each.chosen, each.rejected) if rises[name.partition("/")[2]] else (each.rejected, each.chosen)
            assert all(answer.startswith(word) for answer, word in zip(answers, words, strict=True))


def test_rows_without_a_direction_and_rows_too_few_are_counted():
    panel = made_panel()
    is_first = panel["code"] == "C00C01"
    zero = panel.assign(target=panel["target"].where(~is_first, 0.0))
    rows = PanelRows.of(zero, CONFIG)
    n_train = int(rows.is_train[is_first].sum())
    found = generate(FeaturesSource(), rows, CONFIG)
    assert found.n_zero == {"C00C01": n_train}
    assert found.n_read["C00C01"] == n_train
    assert found.n_short["C00C01"] == 200 - n_train
    assert not any(each.example.group == "C00C01" for each in found.candidates)
    assert not generate(ScenariosSource(), rows, CONFIG).n_zero


def test_a_scenario_follows_from_the_numbers_in_its_prompt():
    pattern = r"returns ([\d.]+),.*to be (\w+) for 5 .* equity of ([\d,]+)\. The stop is ([\d.]+) .* costs ([\d.]+) %"
    for each in examples(made_panel(), ScenariosSource()).values():
        volatility, side, equity, n, risk = re.search(pattern, each.messages[0].content).groups()
        equity = float(equity.replace(",", ""))
        size = equity * float(risk) / 100 / (float(n) * float(volatility))
        answer = each.messages[1].content
        assert answer.startswith(f"{side}: ")
        assert f" = {size:,.0f}" in answer
        assert (f", but at most {10 * equity:,.0f}." in answer) == (size > 10 * equity)


def test_a_pair_that_never_moves_has_no_scenario_and_a_panel_without_volatility_is_refused():
    panel = made_panel()
    still = panel.assign(vol_20d=panel["vol_20d"].where(panel["code"] != "C00C01", 0.0))
    found = generate(ScenariosSource(), PanelRows.of(still, CONFIG), CONFIG)
    assert found.n_short["C00C01"] == 100
    with pytest.raises(MissingFeature, match=r"'scenarios' makes trades from vol_20d, .* features are ret_30d"):
        examples(panel.drop(columns="vol_20d"), ScenariosSource())


def test_day_pair_levels_and_system_message_are_shown_as_the_config_says():
    features = ["log_close", "ret_5d", "ret_30d", "vol_20d"]
    plain = feature_prompt(ROW, features, 5, CONFIG)
    assert "EURUSD" in plain
    assert "2020" not in plain
    assert "log_close" not in plain
    assert "EURUSD" not in feature_prompt(ROW, features, 5, MixConfig(names_pair=False))
    dated = feature_prompt(ROW, features, 5, MixConfig(names_day=True))
    assert dated.startswith("The pair EURUSD after the close of 2020-01-02: log_close +0.1100, ")
    told = examples(made_panel(), FEW[0], MixConfig(system="Answer briefly."))
    assert all(each.messages[0].content == "Answer briefly." for each in told.values())


def test_the_examples_in_the_modules_docstring_are_what_is_generated():
    features = ["ret_5d", "ret_30d", "vol_20d"]
    shown = " ".join(generate_module.__doc__.split())
    assert feature_prompt(ROW, features, 5, CONFIG) in shown
    assert feature_answer(ROW, True, 5) in shown
    assert TRADE.prompt(ROW, "long", 5, CONFIG) in shown
    assert TRADE.answer("long") in shown


def test_a_direction_is_asked_as_it_was_trained_on():
    panel = made_panel()
    config = MixConfig(holdout_share=0.4)
    rows = PanelRows.of(panel, config)
    trained = examples(panel, FeaturesSource(), config)
    one = next(iter(trained.values()))
    asked = direction_questions(rows, config)[0]
    words = [
        re.sub(r"C\d\dC\d\d|[+-]?\d\.\d+", "#", text) for text in (one.messages[0].content, asked.prompt[0].content)
    ]
    assert words[0] == words[1]
    assert (asked.up, asked.down) == ("up", "down")


def test_a_row_is_drawn_whatever_other_pairs_there_are():
    panel = made_panel()
    fewer = panel[panel["code"] != "C00C01"]
    # The same days are held out.
    config = MixConfig(holdout_from=panel["date"].max().date() - timedelta(days=20))
    kept = {name: each for name, each in examples(panel, FEW[0], config).items() if each.group != "C00C01"}
    assert examples(fewer, FEW[0], config) == kept
