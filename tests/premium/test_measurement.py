"""What a notebook measures is what the premium stage publishes."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.panel.build import build_panel, write_panel
from tasks.panel.config import PanelConfig, PlantedSource
from tasks.premium.build import write_premium
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.errors import BadPanel, PremiumError, StatesDoNotFit, UnknownModel
from tasks.premium.measurement import Measurement, measure
from tasks.sampling.errors import BadLabels, EmptySplit
from tasks.schemas.artifacts import Panel
from tasks.schemas.estimates import FITS, WITHOUT_JACKKNIFE
from tasks.schemas.scores import PremiumScores

PLANTED = PanelConfig(source=PlantedSource(n_stocks=20, lookahead=0.3, date_shock=0.2), dates_per_stock=40)
ROBUST = RobustConfig(n_draws=40, n_date_blocks=3, n_day_groups=8)
CONFIG = PremiumConfig(n_draws=20, robust=ROBUST)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return build_panel(PLANTED).rows


@pytest.fixture(scope="module")
def states(table) -> dict[str, np.ndarray]:
    """One model that knows the target in part, and two that know nothing, of different widths."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(len(table), 5)).astype(np.float32)
    return {
        "base": np.column_stack([table["planted"], noise]).astype(np.float32),
        "placebo": rng.normal(size=(len(table), 6)).astype(np.float32),
        "trained": noise,
    }


@pytest.fixture(scope="module")
def measured(table, states) -> Measurement:
    return measure(table, states, undated={"base": states["placebo"]}, config=CONFIG)


def test_measure_gives_every_figure_and_draw_of_the_premium_stages_artifact(table, states, measured, tmp_path):
    folders = {name: tmp_path / name for name in ("panel", *states)}
    for folder in folders.values():
        folder.mkdir()
    write_panel(PLANTED, folders["panel"])
    for model, own in states.items():
        np.save(folders[model] / "states.npy", own)
        (folders[model] / "prompts.sha256").write_text(Panel(folders["panel"]).prompts_sha256())
    np.save(folders["base"] / "undated.npy", states["placebo"])
    write_premium(CONFIG, folders, tmp_path)

    scores, robust = PremiumScores.read(tmp_path), measured.robust
    assert (scores.models["base"], scores.models["trained"]) == (
        measured.reference["base"],
        measured.reference["trained"],
    )
    assert scores.robust.fits == {fit: robust.fit(fit) for fit in FITS}
    assert (scores.robust.splits, scores.robust.controls) == (robust.splits, robust.controls)
    difference = measured.difference("base", "trained")
    assert scores.reductions["base - trained"].point == difference.reference_reduction
    assert scores.reductions["base - trained"].interval == difference.reference_interval
    assert scores.robust.difference("base - trained") == difference.fits
    assert (
        scores.robust.fits["day_rank"].differences["placebo - trained"]
        == (measured.difference("placebo", "trained").fits["day_rank"])
    )
    np.testing.assert_array_equal(np.load(tmp_path / "draws.npy"), measured.stock_draws)
    np.testing.assert_array_equal(np.load(tmp_path / "two_way.npy"), robust.draws)
    # A folder of the store is read as well as a table.
    again = measure(Panel(folders["panel"]), states, undated={"base": states["placebo"]}, config=CONFIG)
    pd.testing.assert_frame_equal(again.table(), measured.table())


def test_what_was_planted_is_found(table, states):
    """The column knows 0.3 of the target's variance on all days: disjoint(base) - disjoint(trained) is about that."""
    # Among the panel's features it would be beside every model's states.
    measured = measure(table.drop(columns="planted"), states, config=CONFIG)
    lookahead = measured.difference("base", "trained").fits["unscaled"].lookahead
    assert lookahead.point == pytest.approx(0.3, abs=0.1)
    assert lookahead.interval[0] > 0.1
    assert measured.difference("placebo", "trained").fits["unscaled"].lookahead.point == pytest.approx(0, abs=0.05)


def test_the_same_seed_gives_the_same_figures_and_another_seed_other_draws(table, states, measured):
    same = measure(table, states, undated={"base": states["placebo"]}, config=CONFIG)
    pd.testing.assert_frame_equal(same.table(), measured.table(), check_exact=True)
    other = measure(table, states, config=CONFIG.model_copy(update={"seed": 124}))
    assert not np.array_equal(other.stock_draws, measured.stock_draws)
    assert not np.array_equal(other.robust.draws, measured.robust.draws)
    assert other.reference["base"].premium == measured.reference["base"].premium


def test_a_rows_figures_do_not_depend_on_the_tables_index_or_on_sentences(table, states, measured):
    bare = table.drop(columns=["prompt", "prompt_undated"]).set_index(np.arange(len(table))[::-1])
    found = measure(bare, states, undated={"base": states["placebo"]}, config=CONFIG)
    pd.testing.assert_frame_equal(found.table(), measured.table(), check_exact=True)


def test_the_table_has_a_line_per_fit_figure_and_pair_of_models(measured):
    found = measured.table()
    assert list(found.columns) == [*("point", "low", "high", "jackknife_low", "jackknife_high", "is_wide", "why_none")]
    assert list(found.index.unique("fit")) == ["reference", *FITS]
    pairs = ["base - placebo", "base - trained", "placebo - trained"]
    assert list(found.loc["day_rank"].index.unique("model")) == ["base", "placebo", "trained", *pairs]
    figures = ["on", "off", "date_disjoint", "disjoint", "matched", "walk_forward"]
    figures += ["premium", "date_disjoint_premium", "shared_day_effect"]
    assert list(found.loc[("winsorized", "base")].index) == figures
    differences = ["lookahead", "gain", "reduction", "date_disjoint_reduction", "walk_forward"]
    assert list(found.loc[("standardized", "base - trained")].index) == differences
    line, own = found.loc[("unscaled", "base", "disjoint")], measured.robust.fit("unscaled").models["base"].disjoint
    assert (line["point"], line["low"], line["jackknife_high"]) == (own.point, own.interval[0], own.jackknife[1])
    marked = {
        (fit, figure): estimate.is_wide
        for fit in FITS
        for figure, estimate in measured.robust.fit(fit).models["base"]
        if figure in figures
    }
    assert found.xs("base", level="model")["is_wide"][list(FITS)].to_dict() == marked
    assert set(marked.values()) == {True, False}
    has_second = found.loc["unscaled", "jackknife_low"].groupby("figure").count() > 0
    assert {figure for figure, has in has_second.items() if not has} == set(WITHOUT_JACKKNIFE)
    line = found.loc[("reference", "base", "premium")]
    assert line["point"] == measured.reference["base"].premium
    assert line["high"] == measured.reference["base"].premium_interval.p97_5


def test_the_reference_contract_alone_has_its_own_lines(table, states):
    found = measure(table, states, config=CONFIG.model_copy(update={"robust": None}))
    assert found.robust is None
    assert found.difference("base", "trained").fits == {}
    assert list(found.table().index.unique("fit")) == ["reference"]
    assert [*found.table().loc[("reference", "base")].index] == ["on", "off", "premium"]
    assert found.table()["point"].notna().all()


def test_one_model_has_figures_and_no_difference(table, states):
    found = measure(table, {"one": states["base"]}, config=CONFIG)
    assert list(found.table().index.unique("model")) == ["one"]
    assert [control.what for control in found.robust.controls if control.name == "shuffled_rows"] == [
        "the one model's states, dealt to other rows"
    ]
    undated = next(control for control in found.robust.controls if control.name == "undated_prompt")
    assert "were not passed as `undated`" in undated.why_none


def test_float64_states_are_not_rounded(table, states):
    wide = {"base": states["base"].astype(np.float64) + 1e-9 * np.arange(6)}
    only = CONFIG.model_copy(update={"robust": None})
    exact, rounded = (
        measure(table, {"base": own}, config=only).reference["base"].premium
        for own in (wide["base"], wide["base"].astype(np.float32))
    )
    assert exact != rounded


def test_a_notebook_shows_names_rows_and_a_table(measured):
    shown = repr(measured)
    assert shown.startswith("<Measurement of 800 rows of 20 stocks; reference premium: base +0.")
    assert "<table" in measured._repr_html_()


def test_a_model_that_was_not_measured_is_refused(measured):
    with pytest.raises(UnknownModel, match="model 'other' was not measured; choose among base, placebo, trained"):
        measured.difference("base", "other")


def repeated(table):
    return pd.concat([table, table.iloc[[3]]], ignore_index=True)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda t: t.drop(columns=["target", "label_from"]), "panel lacks label_from, target; it needs code, date, "),
        (
            lambda t: t.assign(sector="banks"),
            "panel holds str in sector, numbers are needed: each column but code, date, label_from, .* is a feature",
        ),
        (lambda t: t.assign(target=t["target"].where(t.index > 1)), "panel lacks target in 2 of 800 rows, none may"),
        (lambda t: t.assign(ret_5d=t["ret_5d"].where(t.index > 0)), "panel lacks ret_5d in 1 of 800 rows, none may"),
        (lambda t: t.assign(code=t["code"].where(t.index > 0)), "panel lacks code in 1 of 800 rows"),
        (lambda t: t.assign(code=["x", *t["code"].tolist()[1:]]), "panel has int and str in code; convert it to one"),
        (lambda t: t.assign(date=t["date"].where(t.index > 0)), "panel lacks date in 1 of 800 rows"),
        (lambda t: t.assign(target=np.inf), "panel has target infinite in 800 of 800 rows, none may be"),
        (lambda t: t.assign(target=1e170), r"the panel's target is 1e\+170, it must be from 1e-100 to 1e\+100, or 0"),
        (lambda t: t.assign(ret_5d=1e-200), "the panel's ret_5d is 1e-200, it must be"),
        (lambda t: t.assign(ret_5d="up"), "panel holds str in ret_5d, numbers are needed"),
        (lambda t: t.assign(date=t["date"] + pd.Timedelta(hours=1)), "panel has a time of day in date in 800 of 800"),
        (repeated, r"panel has more than one row of stock 1 for \d{4}-\d\d-\d\d, and 1 rows in all repeat a stock's"),
        (lambda t: pd.concat([t, t[["target"]]], axis=1), "panel has more than one column target; keep one of each"),
        (lambda t: t.to_dict(), "panel is of type dict; pass a pandas DataFrame, as build_panel makes it"),
    ],
)
def test_a_table_that_is_no_panel_is_refused_by_what_is_wrong(table, states, break_it, message):
    with pytest.raises(BadPanel, match=message):
        measure(break_it(table), states, config=CONFIG)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda t: t.assign(date=t["date"].astype(str)), "labels hold str in date, they need datetime64"),
        (lambda t: t.assign(label_until=t["date"] - pd.Timedelta(days=1)), "label_until is before its row's date"),
    ],
)
def test_days_that_cannot_be_are_refused(table, states, break_it, message):
    with pytest.raises(BadLabels, match=message):
        measure(break_it(table), states, config=CONFIG)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "states_by_model is empty; pass at least one model's states"),
        ({"m": np.zeros((799, 2))}, r"states of the m model have shape \(799, 2\), the panel has 800 rows"),
        ({"m": np.zeros(800)}, r"states of the m model have shape \(800,\), the panel has 800 rows"),
        ({"m": np.zeros((800, 2), int)}, "states of the m model are int64, floats are needed"),
        ({"m": np.full((800, 2), np.nan)}, "states of the m model are not finite in 800 of 800 rows"),
        (
            {"m": np.full((800, 2), [0, -1e160])},
            r"in a column of the m model's states is 1e\+160, it must be from 1e-100",
        ),
    ],
)
def test_states_that_do_not_fit_are_refused_by_their_models_name(table, given, message):
    with pytest.raises(StatesDoNotFit, match=message):
        measure(table, given, config=CONFIG)


def test_undated_states_of_an_unknown_model_are_refused(table, states):
    with pytest.raises(StatesDoNotFit, match="undated has other, states_by_model has base, placebo, trained; use the"):
        measure(table, states, undated={"other": states["base"]}, config=CONFIG)


def test_a_cut_outside_the_panel_and_a_hypothesis_are_refused(table, states):
    with pytest.raises(EmptySplit, match="800 rows up to the cut and 0 after it"):
        measure(table, states, config=PremiumConfig(train_until=date(2030, 1, 1)))
    stated = PremiumConfig(hypothesis={"statement": "it knows"})
    with pytest.raises(PremiumError, match="measure answers none; set it to None and compare"):
        measure(table, states, config=stated)
