"""A model stitched from vintages: no row is served by a model that may know its day, by brute force."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.premium.build import premium_scores, write_premium
from tasks.premium.config import PremiumConfig, RobustConfig, VintagesConfig
from tasks.premium.errors import BadVintages
from tasks.premium.rows import read_rows
from tasks.premium.vintages import with_vintages
from tasks.schemas.scores import PremiumScores
from tests.premium.sample_panels import made_rows

ALL = VintagesConfig()
SMALL = PremiumConfig(
    n_draws=20, n_folds=2, robust=RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5, portfolio=None)
)
BEFORE_ALL = date(2019, 1, 1)


def config(cutoffs: dict[str, date], **vintages: object) -> PremiumConfig:
    return PremiumConfig(cutoffs=cutoffs, vintages=VintagesConfig.model_validate(vintages))


def numbered(*names: str, n_days: int = 40, **widths: int):
    """Rows of two stocks; each model's states hold its number in every cell."""
    target = np.random.default_rng(3).normal(size=(2, n_days))
    shapes = {name: (2 * n_days, widths.get(name, 2)) for name in names}
    return made_rows(target, **{name: np.full(shape, place) for place, (name, shape) in enumerate(shapes.items())})


@pytest.mark.parametrize("embargo", [0, 1, 9])
@pytest.mark.parametrize("seed", range(6))
def test_each_row_has_the_newest_model_of_a_cutoff_before_its_day_less_the_embargo(seed, embargo):
    rng = np.random.default_rng(seed)
    names = ("a", "b", "c", "d", "unknown")
    rows = numbered(*names)
    # From before the first day to after the last one; the panel is 2020-01-01 to 2020-02-25.
    offsets = rng.choice(np.arange(-20, 70), size=4, replace=False)
    offsets[0] = -1 - embargo  # on the day before the first row, the embargo included
    cutoffs = {name: date(2020, 1, 1) + timedelta(int(days)) for name, days in zip(names, offsets, strict=False)}
    stitched, facts = with_vintages(rows, config(cutoffs, embargo_days=embargo))
    for day, state in zip(stitched.labels["date"].dt.date, stitched.states["vintages"], strict=True):
        allowed = {name: cutoff for name, cutoff in cutoffs.items() if cutoff + timedelta(embargo) < day}
        assert names[int(state[0])] == max(allowed, key=allowed.__getitem__)
        assert state[0] == state[1]
    assert len(stitched.target) == len(rows.target)
    counted = pd.Series(stitched.states["vintages"][:, 0]).map(dict(enumerate(names))).value_counts().to_dict()
    assert {own.model: own.n_rows for own in facts.served if own.n_rows} == counted
    assert [own.cutoff for own in facts.served] == sorted(cutoffs.values())
    assert [*stitched.states] == [*names, "vintages"]


@pytest.mark.parametrize(("embargo", "n_unserved", "last"), [(0, 4, date(2020, 1, 2)), (5, 10, date(2020, 1, 7))])
def test_rows_that_no_vintage_may_serve_are_counted_and_left_out_of_every_model(embargo, n_unserved, last):
    rows = numbered("old", "new")
    # Weekdays from Wednesday 2020-01-01; the cutoff's own day, and a day that the embargo ends on, are not served.
    cutoffs = {"old": date(2020, 1, 2), "new": date(2020, 1, 20)}
    stitched, facts = with_vintages(rows, config(cutoffs, embargo_days=embargo))
    assert facts.unserved.model_dump() == {"n_rows": n_unserved, "first": date(2020, 1, 1), "last": last}
    assert {len(own) for own in stitched.states.values()} == {80 - n_unserved}
    assert len(stitched.labels) == len(stitched.target) == len(stitched.numeric) == 80 - n_unserved
    kept = (rows.labels["date"].dt.date > last).to_numpy()
    np.testing.assert_array_equal(stitched.target, rows.target[kept])
    assert sum(own.n_rows for own in facts.served) == 80 - n_unserved


def test_one_vintage_from_before_the_panel_has_its_models_figures_to_the_last_bit(inputs, tmp_path):
    written = {}
    for name, vintages in (("without", None), ("with", ALL)):
        (folder := tmp_path / name).mkdir()
        own = SMALL.model_copy(update={"cutoffs": {"trained": BEFORE_ALL}, "vintages": vintages})
        write_premium(own, inputs, folder)
        written[name] = PremiumScores.read(folder), np.load(folder / "two_way.npy")
    (without, _), (stitched, draws) = written["without"], written["with"]
    assert stitched.models["vintages"] == stitched.models["trained"]
    assert {name: stitched.models[name] for name in without.models} == without.models
    assert stitched.pairs == ["base - trained", "base - vintages"]
    assert stitched.reductions["base - vintages"] == stitched.reductions["base - trained"]
    for fit, found in stitched.robust.fits.items():
        assert found.models["vintages"] == found.models["trained"] == without.robust.fits[fit].models["trained"]
    np.testing.assert_array_equal(draws[:, 25:49], draws[:, 49:])
    assert stitched.vintages.unserved.n_rows == 0
    assert "vintages" not in (tmp_path / "without" / "scores.json").read_text()


def test_with_unserved_rows_every_models_figures_are_those_of_the_panel_without_them(inputs):
    rows = read_rows(inputs)
    own = SMALL.model_copy(update={"robust": None, "cutoffs": {"base": date(2020, 12, 23)}, "vintages": ALL})
    scores, _ = premium_scores(rows, own)
    after = (rows.labels["date"] > "2020-12-23").to_numpy()
    alone, _ = premium_scores(rows.only(after), own.model_copy(update={"vintages": None, "cutoffs": {}}))
    assert 0 < scores.vintages.unserved.n_rows == len(rows.target) - scores.n_rows
    assert {name: scores.models[name] for name in alone.models} == alone.models
    assert scores.models["vintages"] == scores.models["base"]


def test_another_basis_lowers_the_stitched_figure_though_every_vintage_knows_as_much():
    """The statement of docs/measure.md: each vintage's state is the target; the second one's has the other sign."""
    target = np.random.default_rng(4).normal(size=(6, 60))
    known = target.reshape(-1, 1)
    cutoffs = {"one": BEFORE_ALL, "two": date(2020, 2, 11)}
    own = config(cutoffs).model_copy(
        update={"train_until": date(2020, 2, 12), "robust": None, "n_draws": 30, "n_folds": 2}
    )
    same, other = (
        premium_scores(made_rows(target, one=known, two=sign * known), own)[0].models["vintages"] for sign in (1, -1)
    )
    assert same.r2_off > 0.99
    assert other.r2_off < -1
    assert other.r2_on < same.r2_on


@pytest.mark.parametrize(
    ("cutoffs", "vintages", "message"),
    [
        ({"a": BEFORE_ALL}, {"models": ["c"]}, "names 'c'; the models of this run are a, b"),
        ({"a": BEFORE_ALL}, {"models": ["a", "b"]}, "vintage 'b' has no known cutoff"),
        ({}, {}, "no model has a known cutoff, and vintages need at least one"),
        ({"a": BEFORE_ALL, "b": BEFORE_ALL}, {}, "'a' and 'b' both have the cutoff 2019-01-01"),
        ({"a": BEFORE_ALL}, {"name": "b"}, "premium.vintages.name is 'b', and so is a model's"),
        ({"a": BEFORE_ALL, "b": date(2020, 1, 1)}, {}, "vintage 'a' are 2 wide, those of 'b' 3"),
        ({"a": date(2021, 1, 1)}, {"embargo_days": 3}, "'a', may from 3 days after 2021-01-01, .* ends on 2020-02-25"),
    ],
)
def test_vintages_that_cannot_be_stitched_are_refused(cutoffs, vintages, message):
    with pytest.raises(BadVintages, match=message):
        with_vintages(numbered("a", "b", b=3), config(cutoffs, **vintages))
