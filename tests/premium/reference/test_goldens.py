"""The reference contract's figures equal those of the public recipe's own functions on the same rows and states."""

import json

import numpy as np
import pandas as pd
import pytest

from tasks.premium.build import premium_scores, write_premium
from tasks.premium.config import REVISION, PremiumConfig
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
    known = {4: [0.02946752712217507, -0.0765205993128492, 0.15766427629022073]}
    assert known.get(REVISION) == pytest.approx(scores, abs=1e-9), (
        "the same inputs give other figures: raise REVISION in tasks/premium/config.py and add the new figures here, "
        "or stores will serve the old figures for the new code"
    )
