"""A missing figure is a dash, with its reason on the page."""

from tasks.common.text import signed
from tasks.report.tables.expected import consistent_with
from tasks.schemas.estimates import FITS, Estimate, FitScores, RankIc
from tasks.schemas.scores import Expected
from tests.report.page_reader import words
from tests.report.sample_robust import (
    CONTROLS,
    NONE,
    R2,
    control_figures,
    made_fit,
    made_fits,
    made_robust,
    parts,
    with_difference,
)

CAREFUL = "base - trained (continued training does not remove what the base already knows)"
FIGURES = ("on", "off", "date_disjoint", "disjoint", "matched", "premium", "shared_day_effect")
ZERO = (0.0, 0.0, 0.0, 0.0)


def nothing(why: str) -> Estimate:
    return Estimate(point=None, why_none=why)


def partly_missing() -> FitScores:
    """The base without any figure, trained without some intervals, under standardized columns."""
    trained = parts(
        R2["trained"]["standardized"],
        on=Estimate(point=0.1, why_none="too few draws."),
        off=Estimate(point=0.1, why_none="draws why."),
        disjoint=Estimate(point=0.1, interval=(0.0, 0.2), why_none="groups why."),
        premium=Estimate(point=0.1, interval=(0.0, 0.2), why_none="no jackknife is shown."),
        rank_ic=RankIc(mean=None, standard_error=None, n_days=3, why_none="3 days."),
    )
    base = parts(ZERO, **{name: nothing(f"base {name} why.") for name in FIGURES})
    return made_fit("standardized", base=base, trained=trained)


def test_every_missing_figure_has_its_reason_on_the_page_with_the_fit_it_is_missing_under(write):
    noise = {
        fit: control_figures(ZERO, off=None, premium=None) if fit == "standardized" else own
        for fit, own in CONTROLS[4].fits.items()
    }
    controls = [*CONTROLS[:4], CONTROLS[4].model_copy(update={"fits": noise, "why_none": "noise has no test row."})]
    fits = made_fits() | {"standardized": partly_missing()}
    text = words(write(robust=made_robust(fits=fits, controls=controls)))
    for name in FIGURES:
        assert f"(standardized): base {name} why." in text
    for reason in (
        "interval and jackknife of R2 on (standardized): too few draws.",
        "interval of R2 off (standardized): draws why.",
        "jackknife of R2 disjoint (standardized): groups why.",
        "rank IC (standardized): 3 days.",
        "noise of equal width (off, premium): noise has no test row.",
    ):
        assert reason in text
    assert "no jackknife is shown." not in text


def test_a_headline_figure_without_an_interval_is_undecided_and_says_why(write):
    fits = with_difference(
        lookahead=nothing("lookahead why."), gain=Estimate(point=0.3, why_none="12 draws were kept.")
    )
    text = words(write(robust=made_robust(fits=fits, answer=None)))
    assert f"{CAREFUL} Undecided unscaled \N{EN DASH} no interval: lookahead why." in text
    assert "+0.3000 no interval: 12 draws were kept." in text
    assert f"\N{EN DASH} {CAREFUL}: lookahead why." in text
    assert "Unscaled: there is no interval (12 draws were kept.); standardized: there is no" in text


def test_an_interval_that_is_no_numbers_is_consistent_with_nothing():
    zero = Expected(figure="gain", nothing=1, up_to_the_cut=-1, beyond=0)
    assert consistent_with((-0.1, 0.1), zero) == ["nothing", "to the cut", "beyond"]
    assert consistent_with((0.0, 0.1), zero) == ["nothing", "beyond"]
    assert consistent_with((float("nan"), float("nan")), zero) == []


def test_a_value_that_rounds_to_zero_has_a_plus_and_hints_at_no_sign():
    assert [signed(value) for value in (-0.00004, 0.00004, -0.00006, None)] == [
        "+0.0000",
        "+0.0000",
        "-0.0001",
        "\N{EN DASH}",
    ]


def test_a_missing_figure_without_a_recorded_reason_is_shown_as_such(write):
    robust = made_robust(fits=with_difference(lookahead=Estimate(point=None)))
    assert f"\N{EN DASH} {CAREFUL}: no reason was recorded" in words(write(robust=robust))


def test_equal_reasons_are_shown_once(write):
    missing = parts(ZERO, disjoint=NONE, shared_day_effect=NONE)
    robust = made_robust(fits={fit: made_fit(fit, base=missing) for fit in FITS})
    text = words(write(robust=robust))
    assert f"\N{EN DASH} R2 disjoint, shared-day effect: {NONE.why_none}" in text
    assert text.count(NONE.why_none) == 1


def n_figures(page) -> int:
    return page.tags.count("svg")


def test_a_figure_without_a_number_in_it_is_not_drawn(write):
    nowhere = parts(ZERO, **dict.fromkeys(FIGURES, NONE))
    nothing_at_all = dict.fromkeys(("lookahead", "gain", "reduction"), NONE)
    fits = {
        fit: FitScores(models={"base": nowhere, "trained": nowhere}, differences=own.differences)
        for fit, own in with_difference(**nothing_at_all).items()
    }
    blank = [made.model_copy(update={"fits": {}, "why_none": "none."}) for made in CONTROLS]
    robust = made_robust(fits=fits, controls=blank, power=[])
    assert (n_figures(write()), n_figures(write(robust=robust)), n_figures(write(robust=None))) == (11, 6, 6)
