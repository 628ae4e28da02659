"""A ladder's share of lookahead is the slope on the tent: of made figures, and of made panels whose share is known."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.premium.build import premium_scores, write_premium
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.errors import BadLadder, PremiumError, UnknownModel
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.known_truth import expected_r2
from tasks.premium.inference.ladder import FLAT_TENT, NO_SPREAD, STRAIGHT_TENT, fit_ladder
from tasks.premium.inference.ladder_verdict import conclude_ladder
from tasks.premium.inference.replicates import DISJOINT, OFF, ON, SCHEMES, Replicates
from tasks.premium.measurement import measure
from tasks.premium.rows import make_rows
from tasks.sampling.arrays import Split
from tasks.schemas.ladders import LadderFit
from tasks.schemas.scores import PremiumScores, Tails
from tests.premium.made_ladder import known_until, ladder_of, made_target
from tests.simulations.tent import CUT

YEARS = np.array([2016.0, 2018.0, 2020.0, 2022.0])
EXPECTED = {
    "premium": np.array([0.0, 0.5, 1.6, 0.0]),
    "off": np.array([0.0, -0.4, -1.0, 1.0]),
    "disjoint": np.array([0.0, 0.1, 0.6, 1.0]),
}
QUIET = Tails(largest_day=0.01, n_days=200, five_largest_rows=0.01)
DAY_ONE = date(2018, 1, 1)


def figures(
    premium: np.ndarray, off: np.ndarray, disjoint: np.ndarray, noise: float, seed: int = 0
) -> list[Replicates]:
    """Rungs with these figures, draws that move all rungs together, and each by itself by `noise`."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(100, 1, len(SCHEMES)))
    point = np.zeros((len(premium), len(SCHEMES)))
    point[:, ON], point[:, OFF], point[:, DISJOINT] = premium + off, off, disjoint
    draws = point + shared + noise * rng.normal(size=(100, *point.shape))
    return [Replicates(own, draws[:, rung], np.stack([own, own])) for rung, own in enumerate(point)]


def fitted(r: float, slope: float = 0.0, noise: float = 0.01, seed: int = 0) -> LadderFit:
    tent = {name: 0.3 + r * own + slope * (YEARS - YEARS.mean()) for name, own in EXPECTED.items()}
    return fit_ladder(figures(**tent, noise=noise, seed=seed), EXPECTED, YEARS)


def test_the_share_is_the_slope_on_the_tent_whatever_all_rungs_share() -> None:
    found = fitted(0.2)
    for course in (*found.courses.values(), found.combined):
        assert course.share.point == pytest.approx(0.2, abs=1e-12)
        assert course.share_beside_line.point == pytest.approx(0.2, abs=1e-12)
    # Shared draws have a deviation of 1, the rungs' own of 0.01: a hundredth remains.
    low, high = found.courses["off"].share.interval
    weights = np.linalg.pinv(np.column_stack([np.ones(4), EXPECTED["off"]]))[1]
    assert high - low == pytest.approx(2 * 1.96 * 0.01 * np.linalg.norm(weights), rel=0.2)
    assert found.courses["off"].smallest == pytest.approx(2.8016 * 0.01 * np.linalg.norm(weights), rel=0.2)


def test_slopes_are_those_of_numpys_least_squares() -> None:
    heights = np.array([0.01, 0.04, 0.02, 0.07])
    found = fit_ladder(figures(heights, heights, heights, 0.01), EXPECTED, YEARS)
    for name, expected in EXPECTED.items():
        slope, mean = np.polyfit(expected, heights, 1)
        assert found.courses[name].share.point == pytest.approx(slope)
        design = np.column_stack([expected, YEARS - YEARS.mean(), np.ones(4)])
        beside, line, _ = np.linalg.lstsq(design, heights, rcond=None)[0]
        assert found.courses[name].share_beside_line.point == pytest.approx(beside)
        assert found.courses[name].line.point == pytest.approx(line)
        assert found.courses[name].mean == pytest.approx(heights.mean())
        assert np.isfinite(mean)


def test_a_rising_line_is_no_tent_and_a_tent_is_no_rising_line() -> None:
    rising, tent = fitted(0.0, slope=0.05), fitted(0.2)
    assert rising.combined.share_beside_line.point == pytest.approx(0, abs=1e-12)
    assert rising.courses["premium"].line.point == pytest.approx(0.05)
    assert conclude_ladder({"unscaled": rising, "standardized": rising}, QUIET)[0] == "rising"
    assert tent.courses["premium"].line.point == pytest.approx(0, abs=1e-12)
    assert conclude_ladder({"unscaled": tent, "standardized": tent}, QUIET)[0] == "tent"


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (fitted(0.0), fitted(0.0), "flat"),
        (fitted(0.2), fitted(0.0), "undecided"),
        (fitted(-0.2), fitted(-0.2), "below zero"),
        # The line rises in both, and beside it one fit has a tent.
        (fitted(0.2, slope=0.05), fitted(0.0, slope=0.05), "tent or rising"),
        (fitted(0.0, slope=0.05), fitted(0.2, slope=0.05), "tent or rising"),
        # A fit that could find no share below 1 says nothing: it does not make a flat line of the other's tent.
        (fitted(0.2), fitted(0.0, noise=5.0), "undecided"),
        (fitted(0.0), fitted(0.0, noise=5.0), "flat"),
        (fitted(0.0, noise=5.0), fitted(0.0, noise=5.0), "undecided"),
    ],
    ids=[
        "flat",
        "one fit alone",
        "the other way",
        "a line and one tent",
        "one tent and a line",
        "one is silent",
        "flat, one is silent",
        "both are silent",
    ],
)
def test_a_verdict_needs_both_fits(one: LadderFit, other: LadderFit, verdict: str) -> None:
    assert conclude_ladder({"unscaled": one, "standardized": other}, QUIET)[0] == verdict


def test_where_a_few_rows_decide_r2_off_nothing_is_concluded() -> None:
    heavy = QUIET.model_copy(update={"warning": "five rows carry half"})
    verdict, reason = conclude_ladder({"unscaled": fitted(0.2), "standardized": fitted(0.2)}, heavy)
    assert (verdict, reason.split(";")[0]) == ("undecided", "five rows carry half")


def test_a_rungs_interval_is_of_its_distance_from_the_mean_so_that_what_all_share_is_left_out() -> None:
    for own in fitted(0.2).courses["premium"].rungs:
        assert own.interval[1] - own.interval[0] < 0.1  # shared draws alone would give 5
        assert sum(own.interval) / 2 == pytest.approx(own.point)


def test_rungs_that_know_the_same_have_no_slope_and_the_reason_is_said() -> None:
    same = dict.fromkeys(EXPECTED, np.zeros(4))
    flat = fit_ladder(figures(**same, noise=0.01), same, YEARS)
    assert (flat.combined.share.point, flat.combined.share.why_none) == (None, FLAT_TENT)
    straight = dict.fromkeys(EXPECTED, 0.1 * (YEARS - 2016))
    found = fit_ladder(figures(**straight, noise=0.01), straight, YEARS)
    assert found.combined.share.point == pytest.approx(1)
    assert found.combined.share_beside_line.why_none == STRAIGHT_TENT
    assert found.courses["premium"].line is None
    assert fitted(0.2, noise=0).combined.share.why_none in (NO_SPREAD, "")


def test_a_penalty_shrinks_what_is_expected_as_the_formula_says() -> None:
    """Two train rows and a penalty of 2 halve the slope: 2 * 1/2 * theta - 1/4."""
    off = Scheme("off", [[Split(np.array([0, 1]), np.array([2, 3]))]])
    assert expected_r2([off], np.array([True, True, True, False]), penalty=2) == {"off": pytest.approx(0.25)}
    assert expected_r2([off], np.array([True, True, False, False]), penalty=2) == {"off": pytest.approx(-0.25)}


def made(r: float, seed: int, n_draws: int = 30):
    """Four rungs on 20 stocks and 60 days, 45 of them up to the cut."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range(end=CUT, periods=45).union(pd.bdate_range(CUT, periods=16)[1:])
    table = pd.DataFrame([(code, day) for code in range(20) for day in days], columns=["code", "date"])
    table["label_from"], table["label_until"] = (table["date"] + pd.offsets.BDay(ahead) for ahead in (1, 2))
    target = made_target(table["date"], rng)
    cutoffs = {"none": date(2019, 1, 1), "half": days[22].date(), "cut": CUT, "all": table["label_until"].max().date()}
    states = {}
    for name, cutoff in cutoffs.items():
        known = known_until(target, table["label_until"], cutoff, r, rng)
        states[name] = np.column_stack([known, rng.normal(size=(len(table), 3))]).astype(np.float32)
    return ladder_of(make_rows(table.assign(target=target), states, {}), cutoffs, n_draws)


def test_a_planted_tent_is_recovered_and_without_one_the_flat_line_is_kept() -> None:
    """Few seeds; test_ladder_truth.py has a hundred, on models that were trained."""
    planted, nothing = ([made(r, seed) for seed in range(4)] for r in (0.4, 0.0))
    for own in planted:
        for fit in own.fits.values():
            low, high = fit.combined.share.interval
            assert low <= 0.4 <= high
            assert low > 0
    assert [own.verdict for own in nothing].count("flat") >= 3
    assert "tent" not in {own.verdict for own in nothing}
    assert {own.verdict for own in planted} <= {"tent", "tent or rising"}


def test_a_ladder_lists_its_rungs_by_cutoff_and_its_tent_has_its_peak_where_the_train_rows_end() -> None:
    own = made(0.0, seed=0)
    assert [rung.model for rung in own.rungs] == ["none", "half", "cut", "all"]
    assert [round(rung.known_rows, 2) for rung in own.rungs] == [0.0, 0.35, 0.72, 1.0]
    # Of 45 days up to the cut, the last two days' targets end after it: no text up to the cut has them.
    assert own.rungs[2].known_rows == pytest.approx(43 / 60)
    # When the targets of the last row up to the cut end.
    assert max(own.tent, key=lambda point: point.premium).day == CUT + timedelta(days=4)
    course = own.fits["unscaled"].courses["premium"]
    assert course.expected[0] == course.expected[3] == 0.0
    assert course.expected[2] == next(point.premium for point in own.tent if point.day == CUT)


@pytest.fixture
def measured(made_table):
    """Measures models of these cutoffs, as the premium stage does."""

    def run(cutoffs: dict[str, date], family: tuple[str, ...]):
        rng = np.random.default_rng(0)
        states = {name: rng.normal(size=(len(made_table), 2)).astype(np.float32) for name in cutoffs}
        robust = RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5)
        config = PremiumConfig(
            n_draws=20, n_folds=2, robust=robust, cutoffs=cutoffs, ladders={"f": family}, train_until=CUT
        )
        return premium_scores(make_rows(made_table, states, {}), config)[0].robust.ladders["f"]

    return run


def test_the_record_has_a_ladders_verdict_and_share(inputs, tmp_path) -> None:
    robust = RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5)
    config = PremiumConfig(n_draws=20, n_folds=2, robust=robust)
    (tmp_path / "out").mkdir()
    assert "ladders" not in write_premium(config, inputs, tmp_path / "out")
    assert "ladders" not in (tmp_path / "out" / "scores.json").read_text()
    third = inputs | {"newest": inputs["base"]}
    cutoffs = {"base": DAY_ONE, "trained": date(2020, 12, 25), "newest": date(2021, 1, 11)}
    family = config.model_copy(update={"cutoffs": cutoffs, "ladders": {"f": tuple(cutoffs)}})
    facts = write_premium(family, third, tmp_path / "out")["ladders"]["f"]
    assert (facts["n_rungs"], set(facts["share"])) == (3, {"unscaled", "standardized"})
    assert facts["verdict"] == PremiumScores.read(tmp_path / "out").robust.ladders["f"].verdict


def test_two_rungs_have_no_fit_and_say_so(measured) -> None:
    found = measured({"a": DAY_ONE, "b": CUT, "c": date(2021, 1, 11)}, ("b", "a"))
    assert (found.verdict, found.reason) == ("no fit", "2 rungs, 3 are needed")
    assert [rung.model for rung in found.rungs] == ["a", "b"]
    assert found.fits == {}


def test_models_that_make_no_ladder_are_refused(measured, made_table) -> None:
    with pytest.raises(BadLadder, match=r"models 'a' and 'b' of family 'f' both have the cutoff 2020-12-31"):
        measured({"a": CUT, "b": CUT}, ("a", "b"))
    with pytest.raises(BadLadder, match="model 'b' of family 'f' has no known cutoff"):
        measured({"a": CUT}, ("a", "b"))
    with pytest.raises(UnknownModel, match="cutoffs names b, the models are a; correct the name"):
        premium_scores(
            make_rows(made_table, {"a": np.ones((len(made_table), 1), np.float32)}, {}),
            PremiumConfig(cutoffs={"a": DAY_ONE, "b": CUT}, ladders={"f": ("a", "b")}, n_folds=2),
        )
    config = PremiumConfig(cutoffs={"a": CUT}, ladders={"f": ("a",)}, n_folds=2)
    with pytest.raises(PremiumError, match="measure fits none; leave it out"):
        measure(made_table.drop(columns="prompt"), {"a": np.ones((len(made_table), 1), np.float32)}, config=config)
