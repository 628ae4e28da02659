"""The ladder on the page: what could have been found comes first, every missing number has a reason."""

from datetime import date

import numpy as np
import pytest

from tasks.premium.inference.ladder import fit_ladder
from tasks.premium.inference.ladder_verdict import conclude_ladder
from tasks.premium.inference.replicates import DISJOINT, OFF, ON, SCHEMES, Replicates
from tasks.report.figures.ladder import course
from tasks.report.tables.ladder import REFERENCE
from tasks.schemas.ladders import Ladder, Rung, TentPoint
from tests.premium.planted import tent
from tests.report.page_reader import words
from tests.report.sample_robust import TAILS, made_robust
from tests.simulations.tent import CUT, FIRST_DAY, LAST_DAY

CUTOFFS = {"chrono-2016": date(2016, 12, 31), "chrono-2019": date(2019, 12, 31), "chrono-2022": date(2022, 12, 31)}
EXPECTED = {"premium": [0.0, 0.9, 0.0], "off": [0.0, -0.6, 1.0], "disjoint": [0.0, 0.2, 1.0]}


def made_ladder(r: float, expected: dict[str, list[float]] = EXPECTED) -> Ladder:
    """Three rungs with figures of this share, and draws that move each by itself."""
    rng = np.random.default_rng(0)
    patterns = {name: np.array(own) for name, own in expected.items()}
    models = []
    for rung in range(3):
        point = np.zeros(len(SCHEMES))
        point[OFF], point[DISJOINT] = r * patterns["off"][rung], r * patterns["disjoint"][rung]
        point[ON] = r * patterns["premium"][rung] + point[OFF]
        models.append(Replicates(point, point + 0.01 * rng.normal(size=(60, len(SCHEMES))), np.stack([point, point])))
    years = np.array([2016.0, 2019.0, 2022.0])
    fits = {fit: fit_ladder(models, patterns, years) for fit in ("unscaled", "standardized")}
    verdict, reason = conclude_ladder(fits, TAILS)
    return Ladder(
        rungs=[Rung(model=name, cutoff=day, known_rows=0.5) for name, day in CUTOFFS.items()],
        fits=fits,
        tent=[
            TentPoint(day=day, premium=value) for day, value in zip(CUTOFFS.values(), expected["premium"], strict=True)
        ],
        verdict=verdict,
        reason=reason,
    )


def test_what_could_have_been_found_comes_before_what_was_and_each_rung_has_its_figures(write):
    ladder = made_ladder(0.2)
    page = write(robust=made_robust(ladders={"chrono": ladder}))
    text = words(page)
    power, verdict = (
        text.index("What could have been found with 80 % power: a share r of"),
        text.index("Lookahead is shown."),
    )
    assert power < verdict
    worst = max(fit.combined.smallest for fit in ladder.fits.values())
    assert f"a share r of {worst:.4f} against a flat line and" in text
    assert "+0.2000" in text
    for name, day in CUTOFFS.items():
        assert f"{name} cutoff {day}, 50% of the targets end by then" in text
    assert "-0.60 r" in text
    assert "tent of r = +0.2000" in course(ladder, CUT, REFERENCE).svg
    for rung in REFERENCE:
        assert f"{rung.cutoff} {rung.premium:+.4f}" in text


def test_a_page_without_a_family_has_no_ladder_and_one_of_two_rungs_says_why(write):
    assert "Ladder:" not in words(write())
    two = Ladder(rungs=made_ladder(0.0).rungs[:2], verdict="no fit", reason="2 rungs, 3 are needed")
    text = words(write(robust=made_robust(ladders={"chrono": two})))
    assert "No fit. 2 rungs, 3 are needed." in text
    assert "What could have been found" not in text


def test_a_slope_that_is_not_defined_has_its_reason(write):
    same = {name: [0.0, 0.0, 0.0] for name in EXPECTED}
    text = words(write(robust=made_robust(ladders={"chrono": made_ladder(0.2, same)})))
    assert "a tent over these cutoffs is flat" in text


def test_the_references_points_are_those_of_the_facts_and_their_tent_is_below_zero():
    """The page says r = -0.05, and that a tent expects no difference between the oldest and the newest."""
    expected = np.array([value for _, value in tent(1.0, [own.cutoff for own in REFERENCE], FIRST_DAY, LAST_DAY, CUT)])
    assert expected == pytest.approx([0, 0.41, 0], abs=0.01)
    r, _ = np.polyfit(expected, [own.premium for own in REFERENCE], 1)
    assert round(r, 2) == -0.05
    assert REFERENCE[2].premium - REFERENCE[0].premium == pytest.approx(-0.003, abs=5e-4)
