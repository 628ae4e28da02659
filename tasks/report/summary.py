"""The top of the page: on which side of zero the headline figures are, under both co-primary fits."""

from collections.abc import Mapping
from typing import Any

from tasks.common.text import bounds, signed
from tasks.report.tables.decomposition import GAIN_NAME, SCHEME_OF, lookahead_name
from tasks.report.text import NO_REASON, sentence
from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName
from tasks.schemas.scores import Conclusion, RobustScores

NO_CONCLUSION = Conclusion(verdict="undecided", reason="the scores have no conclusion on it")
Line = tuple[str, str, str]
"""Fit, figure and interval."""


def cards(robust: RobustScores, is_pretrained: bool | None) -> list[dict[str, Any]]:
    """Lookahead and gain: verdict and reason, then figure and interval under each co-primary fit.

    Returns:
        For each its name, what it is, the verdict and its reason, and lines of fit, figure and interval.
    """
    names = {"lookahead": lookahead_name(is_pretrained), "gain": GAIN_NAME}
    return [_card(robust, metric, name) for metric, name in names.items()]


def lines(by_fit: Mapping[FitName, Estimate]) -> list[Line]:
    """A line per fit: its name, the figure, and the interval or why there is none."""
    return [(fit, signed(found.point), _interval(found)) for fit, found in by_fit.items()]


def _card(robust: RobustScores, metric: str, name: str) -> dict[str, Any]:
    found = robust.conclusions.get(metric, NO_CONCLUSION)
    scheme = SCHEME_OF[metric]
    return {
        "name": name,
        "meaning": f"{scheme} of base - {scheme} of trained",
        "verdict": found.verdict,
        "reason": sentence(found.reason),
        "lines": lines({fit: getattr(robust.headline[fit], metric) for fit in CO_PRIMARY}),
    }


def _interval(found: Estimate) -> str:
    return bounds(found.interval) if found.interval else f"no interval: {found.why_none or NO_REASON}"
