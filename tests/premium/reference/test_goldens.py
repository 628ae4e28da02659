"""The reference contract's figures equal those of the public recipe's own functions on the same rows and states."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.premium.build import premium_scores, write_premium
from tasks.premium.config import REVISION, PremiumConfig
from tasks.premium.inference.reference_checks import reference_checks
from tasks.premium.rows import read_rows
from tasks.schemas.artifacts import Panel
from tasks.schemas.estimates import Interval

NEAR = {"rtol": 0, "atol": 1e-9}
"""Float32 columns would be off by 5e-7."""


@pytest.fixture
def golden(request, shared_dir, tmp_path):
    """A golden's figures, its trace, and the inputs they were made from as artifact folders."""
    stem = shared_dir / "goldens" / request.param
    table = pd.read_csv(f"{stem}_rows.csv.gz", parse_dates=["Date"])
    table = table.rename(columns={"SecuritiesCode": "code", "Date": "date", "Target": "target"})
    folders = {name: tmp_path / name for name in ("panel", "base", "trained")}
    for folder in folders.values():
        folder.mkdir()
    # The contract purges nothing, so any label days do.
    table = table.assign(label_from=table["date"], label_until=table["date"])
    table.assign(prompt=table["code"].astype(str)).to_parquet(folders["panel"] / "rows.parquet")
    for model in ("base", "trained"):
        (folders[model] / "prompts.sha256").write_text(Panel(folders["panel"]).prompts_sha256())
    (folders["base"] / "states.npy").symlink_to(f"{stem}_base.npy")
    (folders["trained"] / "states.npy").symlink_to(f"{stem}_adapter.npy")
    return json.loads(stem.with_suffix(".json").read_text()), np.load(f"{stem}_trace.npy"), folders


def assert_same_interval(ours: Interval, golden: dict) -> None:
    theirs = [golden[name] for name in ("p2.5", "p50", "p97.5")]
    np.testing.assert_allclose([ours.p2_5, ours.p50, ours.p97_5], theirs, **NEAR)


# p3 has fewer rows than columns, p4 stocks on one side of the cut only, p5 six stocks for five folds.
WHOLE = ["p1_sp500_all_hash64", "p2_sp500_top300_hash32", "p3_sp500_40_minilm384", "p4_edge40_hash24", "p5_tiny6_hash8"]


@pytest.mark.parametrize("golden", WHOLE, indirect=True)
def test_every_figure_and_every_draw_is_that_of_the_public_recipe(golden):
    figures, trace, folders = golden
    config = PremiumConfig(n_draws=figures["n_bootstrap"], robust=None)
    scores, measured = premium_scores(read_rows(folders), config)
    for ours, theirs in ((scores.models["base"], figures["base"]), (scores.models["trained"], figures["adapter"])):
        expected = [theirs["r2_off"], theirs["r2_on"], theirs["premium"], *theirs["r2_on_folds"]]
        np.testing.assert_allclose([ours.r2_off, ours.r2_on, ours.premium, *ours.r2_on_folds], expected, **NEAR)
        assert (scores.n_train_rows, scores.n_test_rows, scores.models["base"].n_columns) == (
            theirs["n_train"],
            theirs["n_test"],
            theirs["dim"],
        )
    assert scores.reductions["base - trained"].point == pytest.approx(figures["premium_reduction"], abs=1e-9)
    np.testing.assert_allclose(measured.stock_draws, trace, **NEAR)
    assert_same_interval(scores.models["base"].premium_interval, figures["bootstrap"]["base_premium"])
    assert_same_interval(scores.models["trained"].premium_interval, figures["bootstrap"]["adapter_premium"])
    assert_same_interval(scores.reductions["base - trained"].interval, figures["bootstrap"]["premium_reduction"])
    assert scores.n_kept_draws + sum(scores.dropped_draws.values()) == scores.n_draws


@cache
def days_with_a_target(panel: Path) -> np.ndarray:
    table = pd.read_csv(panel, usecols=["Date", "Target"], parse_dates=["Date"])
    return np.unique(table.dropna()["Date"].to_numpy("datetime64[D]"))


@pytest.mark.parametrize("golden", WHOLE, indirect=True)
def test_embargo_and_walk_forward_are_those_of_the_public_recipe(golden, shared_dir):
    figures, _, folders = golden
    rows, config = read_rows(folders), PremiumConfig()
    days = days_with_a_target(shared_dir / figures["panel"])
    for model, theirs in (("base", figures["base"]), ("trained", figures["adapter"])):
        found = reference_checks(rows, rows.columns(model), config, theirs["r2_on"], days)
        embargo = theirs["embargo5"]
        assert (found.embargo5.n_train_rows, found.embargo5.n_test_rows) == (embargo["n_train"], embargo["n_test"])
        ours = [found.embargo5.r2, found.embargo5.premium]
        np.testing.assert_allclose(ours, [embargo["r2_off"], embargo["premium"]], **NEAR)
        for name in ("walk_forward5", "walk_forward5_embargo5"):
            own, walk = getattr(found, name), theirs[name]
            np.testing.assert_allclose(own.fold_r2, [fold["r2"] for fold in walk["folds"]], **NEAR)
            np.testing.assert_allclose([own.r2, np.mean(own.fold_r2)], [walk["pooled_r2"], walk["mean_r2"]], **NEAR)
            assert own.n_train_rows == sum(fold["n_train"] for fold in walk["folds"])


@pytest.mark.parametrize("golden", ["p1_sp500_all_hash64"], indirect=True)
def test_the_rows_of_a_large_panel_name_all_days_of_the_embargo(golden, shared_dir):
    figures, _, folders = golden
    rows = read_rows(folders)
    args = rows, rows.columns("base"), PremiumConfig(), 0.0
    assert reference_checks(*args) == reference_checks(*args, days_with_a_target(shared_dir / figures["panel"]))


@pytest.mark.parametrize("golden", ["p5_tiny6_hash8"], indirect=True)
def test_a_draw_with_fewer_than_five_distinct_stocks_is_dropped_and_counted(golden):
    _, _, folders = golden
    scores, measured = premium_scores(read_rows(folders), PremiumConfig(robust=None))
    assert (len(measured.stock_draws), scores.dropped_draws) == (47, {"too_few_stocks": 153})


def test_revision_is_raised_with_the_figures(inputs, tmp_path):
    facts = write_premium(PremiumConfig(n_draws=20, robust=None), inputs, tmp_path)
    reduction = facts["reductions"]["base - trained"]
    scores = [facts["premiums"]["base"], facts["premiums"]["trained"], reduction["interval"]["p97_5"]]
    # From the loop of test_laws.py, which shares no code with the package.
    known = {7: [0.02946752712217507, -0.0765205993128492, 0.15766427629022073]}
    assert known.get(REVISION) == pytest.approx(scores, abs=1e-9), (
        "the same inputs give other figures: raise REVISION in tasks/premium/config.py and add the new figures here, "
        "or stores will serve the old figures for the new code"
    )
