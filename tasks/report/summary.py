"""The top of the page: on which side of zero the headline figures are, under both co-primary fits."""

from collections.abc import Mapping
from typing import Any

from tasks.common.text import signed
from tasks.report.tables.decomposition import Relation, meaning_of, names_of
from tasks.report.text import NO_REASON, quoted, sentence
from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName
from tasks.schemas.scores import Conclusion, RobustScores

NO_CONCLUSION = Conclusion(verdict="undecided", reason="the scores have no conclusion on it")
Line = tuple[str, str, str]
"""Fit, figure and interval."""


def cards(robust: RobustScores, relation: Relation) -> list[dict[str, Any]]:
    """Lookahead and gain of each pair: verdict and reason, then figure and interval under each co-primary fit.

    Returns:
        For each its name, what it is, the verdict and its reason, and lines of fit, figure and interval.
    """
    return [
        _card(robust, pair, metric, name) for pair in robust.pairs for metric, name in names_of(pair, relation).items()
    ]


def lines(by_fit: Mapping[FitName, Estimate]) -> list[Line]:
    """A line per fit: its name, the figure, and the interval or why there is none."""
    return [(fit, signed(found.point), _interval(found)) for fit, found in by_fit.items()]


def _card(robust: RobustScores, pair: str, metric: str, name: str) -> dict[str, Any]:
    found, by_fit = robust.pairs[pair].conclusions.get(metric, NO_CONCLUSION), robust.difference(pair)
    return {
        "name": name,
        "meaning": meaning_of(metric, pair),
        "verdict": found.verdict,
        "reason": sentence(found.reason),
        "lines": lines({fit: getattr(by_fit[fit], metric) for fit in CO_PRIMARY}),
    }


def _interval(found: Estimate) -> str:
    return quoted(found) if found.interval else f"no interval: {found.why_none or NO_REASON}"
