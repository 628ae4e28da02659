"""Ladders as rows and sentences: what could have been found, how much was, and every rung's figures."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from tasks.common.text import DASH, Row, bounds, signed
from tasks.report.text import Cell, EstimateRow, Missing, reasons, sentence
from tasks.schemas.estimates import Estimate, FitName
from tasks.schemas.ladders import Ladder, LadderFigure, LadderFit, LadderVerdict, Rung, Slopes
from tasks.schemas.scores import PremiumScores

FIGURES: dict[LadderFigure, str] = {"premium": "premium", "off": "R2 off", "disjoint": "R2 disjoint"}
COMBINED = "all three"
SHARE_COLUMNS = ("r", "r beside a line")
VERDICTS: dict[LadderVerdict, tuple[str, str]] = {
    "tent": (
        "lookahead is shown",
        "The figures follow the cutoffs in a tent, which knowledge of returns makes and a steady improvement does not.",
    ),
    "rising": (
        "no lookahead is shown",
        "Later models score higher along a straight line, which needs no knowledge of returns.",
    ),
    "tent or rising": (
        "not flat, and lookahead cannot be told from a steady improvement",
        "Either a tent or a straight line explains the figures over these cutoffs.",
    ),
    "flat": (
        "no lookahead is found",
        "The figures are flat over the cutoffs.",
    ),
    "below zero": (
        "no lookahead is shown",
        "The figures move against a tent, which no share of lookahead does.",
    ),
    "undecided": ("undecided", ""),
    "no fit": ("no fit", ""),
}
"""What is found, and what the figures do."""


class ReferenceRung(NamedTuple):
    """A point of the reference's own ladder."""

    cutoff: date
    premium: float


REFERENCE = (
    ReferenceRung(date(2011, 12, 31), 0.0567),
    ReferenceRung(date(2018, 12, 31), 0.0345),
    ReferenceRung(date(2024, 12, 31), 0.0538),
)
"""Premiums of three ChronoGPT models on JPX prices from 2017 to 2021, as the reference published them."""


def ladders(scores: PremiumScores) -> list[dict[str, Any]]:
    """What the page shows of each family; empty where there is none."""
    found = scores.robust.ladders if scores.robust else {}
    return [_ladder(family, own, scores) for family, own in found.items()]


def _ladder(family: str, ladder: Ladder, scores: PremiumScores) -> dict[str, Any]:
    found, why = VERDICTS[ladder.verdict]
    return {
        "family": family,
        "verdict": sentence(found),
        "why": why,
        "reason": sentence(ladder.reason),
        "power": smallest_shares(ladder),
        "fits": [_fit(fit, own, ladder.rungs) for fit, own in ladder.fits.items()],
        "share_columns": SHARE_COLUMNS,
        "rung_columns": [*FIGURES.values()],
        "missing": reasons(_missing(ladder)),
        "reference": _reference_rows(),
    }


def _fit(fit: FitName, own: LadderFit, rungs: Sequence[Rung]) -> dict[str, Any]:
    return {
        "fit": fit,
        "shares": list(_shares(own)),
        "rungs": [_rung(own, number, rung) for number, rung in enumerate(rungs)],
    }


def smallest_shares(ladder: Ladder) -> str:
    """The smallest shares that could have been found, of the fit that finds less; empty where a fit finds none."""
    found = {
        what: [getattr(own.combined, field) for own in ladder.fits.values()]
        for field, what in (("smallest", "a flat line"), ("smallest_beside_line", "a straight line"))
    }
    known = {what: max(own) for what, own in found.items() if own and None not in own}
    return " and ".join(f"{smallest:.4f} against {what}" for what, smallest in known.items())


def _shares(fit: LadderFit) -> Iterator[EstimateRow]:
    yield COMBINED, "their mean, each weighted by one over its variance; the verdict is on this", _cells(fit.combined)
    for figure, name in FIGURES.items():
        own = fit.courses[figure]
        line = f"its line per year of cutoff: {signed(own.line.point)} {bounds(own.line.interval)}" if own.line else ""
        yield name, line, _cells(own)


def _cells(own: Slopes) -> list[Cell]:
    return [_cell(own.share, own.smallest), _cell(own.share_beside_line, own.smallest_beside_line)]


def _cell(found: Estimate, smallest: float | None) -> Cell:
    least = [] if smallest is None else [f"finds {smallest:.4f}"]
    return [signed(found.point), bounds(found.interval), *least]


def _rung(fit: LadderFit, number: int, rung: Rung) -> EstimateRow:
    cells = [
        [signed(own.rungs[number].point), bounds(own.rungs[number].interval), f"{own.expected[number]:+.2f} r"]
        for own in (fit.courses[figure] for figure in FIGURES)
    ]
    return rung.model, f"cutoff {rung.cutoff}, {rung.known_rows:.0%} of the targets end by then", cells


def _missing(ladder: Ladder) -> Iterator[Missing]:
    for fit, own in ladder.fits.items():
        courses = {name: own.courses[figure] for figure, name in FIGURES.items()}
        slopes: Mapping[str, Slopes] = {COMBINED: own.combined, **courses}
        for name, each in slopes.items():
            for what, found in (("r", each.share), ("r beside a line", each.share_beside_line)):
                if found.interval is None:
                    yield f"{what} of {name} ({fit})", found.why_none


def _reference_rows() -> list[Row]:
    return [
        {"cutoff": f"{rung.cutoff}", "premium": signed(rung.premium), "its interval": f"{DASH} (not published)"}
        for rung in REFERENCE
    ]
