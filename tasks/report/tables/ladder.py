"""Ladders as rows and sentences: what could have been found, how much was, and every rung's figures."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from tasks.common.text import DASH, Row, bounds, signed
from tasks.report.text import Cell, EstimateRow, Missing, reasons, sentence
from tasks.schemas.estimates import Estimate
from tasks.schemas.ladders import Ladder, LadderVerdict, Rung, Slopes
from tasks.schemas.scores import PremiumScores

FIGURES = {"premium": "premium", "off": "R2 off", "disjoint": "R2 disjoint"}
COMBINED = "all three"
VERDICTS: dict[LadderVerdict, str] = {
    "tent": "A tent: the figures move with the cutoffs as lookahead moves them, beside a straight line too",
    "rising": "A rising line, and no tent beside it: later models score higher, which needs no lookahead",
    "tent or rising": "Not flat: a tent or a straight line, and these cutoffs do not tell which",
    "flat": "Flat: no tent was found, and shares outside the interval are excluded",
    "below zero": "Against a tent: the figures move the other way, which no share of lookahead does",
    "undecided": "Undecided",
    "no fit": "No fit",
}


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
    return {
        "family": family,
        "verdict": VERDICTS[ladder.verdict],
        "reason": sentence(ladder.reason),
        "power": smallest_shares(ladder),
        "shares": list(_shares(ladder)),
        "share_columns": [f"{what}, {fit}" for fit in ladder.fits for what in ("r", "r beside a line")],
        "rungs": [_rung(ladder, number, rung) for number, rung in enumerate(ladder.rungs)],
        "rung_columns": [f"{name}, {fit}" for fit in ladder.fits for name in FIGURES.values()],
        "missing": reasons(_missing(ladder)),
        "reference": _reference_rows(),
    }


def smallest_shares(ladder: Ladder) -> str:
    """The smallest shares that could have been found, of the fit that finds less; empty where a fit finds none."""
    found = {
        what: [getattr(own.combined, field) for own in ladder.fits.values()]
        for field, what in (("smallest", "the flat line"), ("smallest_beside_line", "a straight line"))
    }
    known = {what: max(own) for what, own in found.items() if own and None not in own}
    return " and ".join(f"{smallest:.4f} from {what}" for what, smallest in known.items())


def _shares(ladder: Ladder) -> Iterator[EstimateRow]:
    rows: dict[str, list[Slopes]] = {COMBINED: [fit.combined for fit in ladder.fits.values()]}
    rows |= {name: [fit.courses[figure] for fit in ladder.fits.values()] for figure, name in FIGURES.items()}  # type: ignore[index]
    for name, slopes in rows.items():
        cells = [
            cell
            for own in slopes
            for cell in (_cell(own.share, own.smallest), _cell(own.share_beside_line, own.smallest_beside_line))
        ]
        lines = ", ".join(f"{signed(own.line.point)} {bounds(own.line.interval)}" for own in slopes if own.line)
        yield name, _meaning(name, lines), cells


def _meaning(name: str, lines: str) -> str:
    if name == COMBINED:
        return "each by one over its variance over the draws; the verdict is on this"
    return f"its line per year of cutoff, by fit: {lines}" if lines else ""


def _cell(found: Estimate, smallest: float | None) -> Cell:
    least = [] if smallest is None else [f"finds {smallest:.4f}"]
    return [signed(found.point), bounds(found.interval), *least]


def _rung(ladder: Ladder, number: int, rung: Rung) -> EstimateRow:
    cells = [
        [signed(own.rungs[number].point), bounds(own.rungs[number].interval), f"{own.expected[number]:+.2f} r"]
        for fit in ladder.fits.values()
        for own in (fit.courses[figure] for figure in FIGURES)  # type: ignore[index]
    ]
    return rung.model, f"cutoff {rung.cutoff}, {rung.known_rows:.0%} of the targets end by then", cells


def _missing(ladder: Ladder) -> Iterator[Missing]:
    for fit, own in ladder.fits.items():
        slopes: Mapping[str, Slopes] = {COMBINED: own.combined} | {
            name: own.courses[figure]  # type: ignore[index]
            for figure, name in FIGURES.items()
        }
        for name, each in slopes.items():
            for what, found in (("r", each.share), ("r beside a line", each.share_beside_line)):
                if found.interval is None:
                    yield f"{what} of {name} ({fit})", found.why_none


def _reference_rows() -> list[Row]:
    return [
        {"cutoff": f"{rung.cutoff}", "premium": signed(rung.premium), "its interval": f"{DASH} (not published)"}
        for rung in REFERENCE
    ]
