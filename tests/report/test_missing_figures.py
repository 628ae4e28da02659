"""A missing figure is a dash, with its reason on the page."""

from tasks.common.text import signed
from tasks.schemas.scores import Estimate, Interval, RankIc
from tests.report.page_reader import words
from tests.report.sample_robust import CONTROLS, NONE, SENSITIVITY, control, made_robust, parts

CAREFUL = "base - trained (continued training does not remove what the base already knows)"


def nothing(why: str) -> Estimate:
    return Estimate(point=None, why_none=why)


INTERVAL = Interval(p2_5=0.0, p50=0.1, p97_5=0.2)
FIGURES = ("on", "off", "date_disjoint", "disjoint", "premium", "shared_day_effect", "demeaned")
EMPTY = made_robust(
    base=parts(0, 0, 0, **{name: nothing(f"base {name} why.") for name in FIGURES}),
    trained=parts(
        0,
        0,
        0,
        on=Estimate(point=0.1, why_none="too few draws."),
        off=Estimate(point=0.1, jackknife=(0.0, 0.2), why_none="draws why."),
        premium=Estimate(point=0.1, two_way=INTERVAL, why_none="groups why."),
        rank_ic=RankIc(mean=None, standard_error=None, n_days=3, why_none="3 days."),
    ),
    reduction=nothing("reduction why."),
    lookahead=nothing("lookahead why."),
    controls=[
        *CONTROLS[:4],
        control(
            "noise", "x", (0, 0, 0, 0), off=None, premium=None, date_disjoint=None, why_none="noise has no test row."
        ),
    ],
    sensitivity=[SENSITIVITY[0], SENSITIVITY[1].model_copy(update={"reduction": None, "why_none": "no inner split."})],
)


def test_every_missing_figure_has_its_reason_on_the_page(write):
    text = words(write(robust=EMPTY))
    for name in FIGURES:
        assert f"of base: base {name} why." in text
    for reason in (
        "both intervals of R2 on of trained: too few draws.",
        "two-way interval of R2 off of trained: draws why.",
        "jackknife of premium of trained: groups why.",
        "rank IC of trained: 3 days.",
        "reduction: reduction why.",
        "lookahead why.",
        "noise of equal width (off, date disjoint, premium): noise has no test row.",
        "standardized, alpha by purged CV: no inner split.",
        "There is no two-way interval of the reduction: reduction why.",
        "There is no reduction to compare with it.",
    ):
        assert reason in text


def test_a_value_that_rounds_to_zero_has_a_plus_and_hints_at_no_sign():
    assert [signed(value) for value in (-0.00004, 0.00004, -0.00006, None)] == [
        "+0.0000",
        "+0.0000",
        "-0.0001",
        "\N{EN DASH}",
    ]


def test_a_missing_figure_without_a_recorded_reason_is_shown_as_such(write):
    robust = made_robust(lookahead=Estimate(point=None))
    assert f"\N{EN DASH} {CAREFUL}: no reason was recorded" in words(write(robust=robust))


def test_equal_reasons_are_shown_once(write):
    robust = made_robust(base=parts(0, 0, 0, disjoint=NONE, shared_day_effect=NONE))
    text = words(write(robust=robust))
    assert f"\N{EN DASH} shared-day effect of base, R2 disjoint of base: {NONE.why_none}" in text
    assert text.count(NONE.why_none) == 1


def n_figures(page) -> int:
    return page.tags.count("svg")


def test_a_figure_without_a_number_in_it_is_not_drawn(write):
    nowhere = parts(0, 0, 0, **dict.fromkeys(FIGURES, NONE))
    blank = [made.model_copy(update={"premium": None, "why_none": "none."}) for made in CONTROLS]
    robust = made_robust(base=nowhere, trained=nowhere, reduction=NONE, controls=blank)
    assert (n_figures(write()), n_figures(write(robust=robust)), n_figures(write(robust=None))) == (7, 4, 4)
