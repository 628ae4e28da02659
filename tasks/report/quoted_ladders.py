"""Ladders as `results.json` holds them: each family's verdict, and its share r under every fit."""

from collections.abc import Iterator
from typing import Literal

from tasks.report.quoted import Quoted
from tasks.schemas.estimates import Estimate, FitName
from tasks.schemas.ladders import Ladder
from tasks.schemas.results import QuotedLadder, QuotedShare


def quoted_ladders(quoted: Quoted) -> list[QuotedLadder]:
    """Every family of the scores; empty where there is none."""
    found = quoted.scores.robust.ladders if quoted.scores.robust else {}
    return [
        QuotedLadder(
            family=family,
            verdict=own.verdict,
            reason=own.reason,
            rungs=own.rungs,
            shares=list(_shares(own)),
            n_rows=quoted.scores.n_rows,
            artifact=quoted.digest,
        )
        for family, own in found.items()
    ]


def _shares(ladder: Ladder) -> Iterator[QuotedShare]:
    for fit, own in ladder.fits.items():
        yield _share(fit, "flat", own.combined.share, own.combined.smallest)
        yield _share(fit, "line", own.combined.share_beside_line, own.combined.smallest_beside_line)


def _share(fit: FitName, against: Literal["flat", "line"], found: Estimate, smallest: float | None) -> QuotedShare:
    low, high = found.interval or (None, None)
    return QuotedShare(
        fit=fit,
        against=against,
        point=found.point,
        low=low,
        high=high,
        smallest_detectable=smallest,
        why_none=found.why_none,
    )
