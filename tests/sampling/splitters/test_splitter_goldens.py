"""Figures of the public recipe's own splits, and their violations on the real panel."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.premium.inference.evaluate import Scheme, score
from tasks.sampling.arrays import Split
from tasks.sampling.splitters import Chronological, LabelSplitter, StockDisjoint, WalkForward, audit

CUT = date(2020, 12, 31)
FEATURES = ["log_close", "log_volume", "ret_5d", "ret_30d", "vol_20d"]
GOLDENS = [
    "p1_sp500_all_hash64",
    "p2_sp500_top300_hash32",
    "p3_sp500_40_minilm384",
    "p4_edge40_hash24",
    "p5_tiny6_hash8",
]


@pytest.fixture
def golden(request, shared_dir):
    """A golden's figures, its labels, and columns and target by model. Nothing is purged, so any label days do."""
    stem = shared_dir / "goldens" / request.param
    table = pd.read_csv(f"{stem}_rows.csv.gz", parse_dates=["Date"])
    labels = pd.DataFrame({"code": table["SecuritiesCode"], "date": table["Date"]})
    labels = labels.assign(label_from=labels["date"], label_until=labels["date"])
    columns = {
        model: np.column_stack([np.load(f"{stem}_{model}.npy").astype(np.float64), table[FEATURES]])
        for model in ("base", "adapter")
    }
    return json.loads(stem.with_suffix(".json").read_text()), labels, columns, table["Target"].to_numpy()


@pytest.fixture
def real_labels(shared_dir):
    """Labels of golden p1's rows: a target uses the prices of its stock's next two rows in the real panel."""
    table = pd.read_csv(shared_dir / "goldens" / f"{GOLDENS[0]}_rows.csv.gz", usecols=[0, 1], parse_dates=["Date"])
    file = shared_dir / "panel" / "sp500_jpx_schema.csv.gz"
    prices = pd.read_csv(file, usecols=["Date", "SecuritiesCode"], parse_dates=["Date"])
    days = prices.sort_values("Date").groupby("SecuritiesCode")["Date"]
    prices = prices.assign(label_from=days.shift(-1), label_until=days.shift(-2))
    labels = table.merge(prices, on=["SecuritiesCode", "Date"], how="left", validate="one_to_one")
    return labels.rename(columns={"SecuritiesCode": "code", "Date": "date"})


def splits_of(splitter: LabelSplitter, labels: pd.DataFrame) -> list[Split]:
    return [Split(*split) for split in splitter.split(labels, groups=labels)]


def near(value: float):
    return pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("golden", GOLDENS, indirect=True)
@pytest.mark.parametrize(("name", "embargo_dates"), [("walk_forward5", 0), ("walk_forward5_embargo5", 5)])
def test_walking_forward_gives_the_figures_of_the_public_recipe(golden, name, embargo_dates):
    figures, labels, columns, target = golden
    splits = splits_of(WalkForward(5, purge=False, embargo_dates=embargo_dates), labels)
    for model, own in columns.items():
        expected = figures[model][name]
        sizes = [(fold["n_train"], fold["n_test"]) for fold in expected["folds"]]
        assert [(len(split.train), len(split.test)) for split in splits] == sizes
        ways = [Scheme("pooled", [splits]), *(Scheme(str(split), [[split]]) for split in splits)]
        pooled, *folds = score(own, target, ways).r2[0, 0].tolist()
        assert pooled == near(expected["pooled_r2"])
        assert folds == near([fold["r2"] for fold in expected["folds"]])
        assert np.mean(folds) == near(expected["mean_r2"])


@pytest.mark.parametrize("golden", GOLDENS, indirect=True)
def test_the_cut_with_and_without_embargo_gives_the_figures_of_the_public_recipe(golden):
    figures, labels, columns, target = golden
    # The recipe counts five days of the whole panel, whose first is named in its figures.
    first_banned = pd.Timestamp(figures["base"]["embargo5"]["first_banned_day"]).date()
    for embargo_days, place in ((0, None), ((CUT - first_banned).days + 1, "embargo5")):
        splits = splits_of(Chronological(CUT, purge=False, embargo_days=embargo_days), labels)
        for model, own in columns.items():
            expected = figures[model][place] if place else figures[model]
            assert (len(splits[0].train), len(splits[0].test)) == (expected["n_train"], expected["n_test"])
            assert score(own, target, [Scheme("off", [splits])]).r2[0, 0, 0] == near(expected["r2_off"])


@pytest.mark.parametrize("golden", GOLDENS, indirect=True)
def test_stock_disjoint_folds_are_those_of_the_public_recipe(golden):
    figures, labels, columns, target = golden
    splits = splits_of(StockDisjoint(5), labels)
    assert [sorted(set(labels["code"].iloc[split.test])) for split in splits] == figures["folds_test_codes"]
    for model, own in columns.items():
        assert score(own, target, [Scheme("on", [[split] for split in splits])]).r2[0, 0, 0] == near(
            figures[model]["r2_on"]
        )


def test_thirty_train_rows_of_the_seeds_cut_are_labelled_with_prices_of_the_test_span(real_labels):
    seed, robust = (audit(Chronological(CUT, purge=purge), real_labels) for purge in (False, True))
    assert (seed.n_train_rows, seed.n_violations, seed.n_purged) == (13_999, 30, 0)
    assert (robust.n_train_rows, robust.n_violations, robust.n_purged) == (13_969, 0, 30)
    # The folds of stocks share every day with what they test.
    folds = audit(StockDisjoint(5), real_labels)
    assert (folds.n_train_rows, folds.n_violations) == (4 * 15_120, 4 * 15_120)
