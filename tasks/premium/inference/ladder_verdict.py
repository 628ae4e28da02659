"""What follows from a ladder: a tent, a rising line, either, or the flat line, by both co-primary fits."""

from collections.abc import Iterable, Mapping

from tasks.schemas.estimates import Estimate, FitName
from tasks.schemas.ladders import LadderFit, LadderVerdict
from tasks.schemas.scores import Tails

LARGEST_SHARE = 1.0
"""No R2 is larger: a fit that could find none below it says nothing."""


def conclude_ladder(fits: Mapping[FitName, LadderFit], heavy: Tails) -> tuple[LadderVerdict, str]:
    """Compare the tent with the flat line and with a rising one.

    Args:
        fits: The co-primary fits.
        heavy: How much of the test rows' squares a few of them carry.

    Returns:
        `tent`: r is above zero beside a straight line. `rising`: the premium's line rises beside r. `tent or rising`:
        the line rises, but beside it r is above zero in one fit; or r is above zero, and neither is beside the other.
        `below zero`: the figures run against the tent. All need both fits. `flat`: no fit that could find a share tells
        r from zero. Else `undecided`. And the reason.
    """
    reason = "; ".join(f"{fit}: {_text(own)}" for fit, own in fits.items())
    able = {fit: own for fit, own in fits.items() if _finds_some(own)}
    if heavy.warning:
        return "undecided", f"{heavy.warning}; {reason}"
    if not able:
        return "undecided", f"no share of lookahead could have been found; {reason}"
    if len(able) == len(fits) and (verdict := _of_both(fits)):
        return verdict, reason
    if all(_holds_zero(own.combined.share) for own in able.values()):
        return "flat", reason
    if len(able) < len(fits):
        silent = ", ".join(fit for fit in fits if fit not in able)
        return "undecided", f"{silent} could find no share of lookahead; {reason}"
    return "undecided", reason


def _of_both(fits: Mapping[FitName, LadderFit]) -> LadderVerdict | None:
    """What both fits say beside a flat line, if they say the same."""
    beside = [own.combined.share_beside_line for own in fits.values()]
    if _all_above(beside):
        return "tent"
    if _all_above(_lines(fits)):
        return "tent or rising" if any(_all_above([own]) for own in beside) else "rising"
    if _all_above(own.combined.share for own in fits.values()):
        return "tent or rising"
    if all(own.combined.share.interval and own.combined.share.interval[1] < 0 for own in fits.values()):
        return "below zero"
    return None


def _lines(fits: Mapping[FitName, LadderFit]) -> list[Estimate | None]:
    return [own.courses["premium"].line for own in fits.values()]


def _finds_some(fit: LadderFit) -> bool:
    smallest = fit.combined.smallest
    return smallest is not None and smallest < LARGEST_SHARE


def _all_above(found: Iterable[Estimate | None]) -> bool:
    return all(own is not None and own.interval is not None and own.interval[0] > 0 for own in found)


def _holds_zero(found: Estimate) -> bool:
    return found.interval is not None and found.interval[0] <= 0 <= found.interval[1]


def _text(fit: LadderFit) -> str:
    share, beside = (_span(own) for own in (fit.combined.share, fit.combined.share_beside_line))
    return f"r {share}, beside a straight line {beside}"


def _span(found: Estimate) -> str:
    if found.point is None or found.interval is None:
        return f"has no interval ({found.why_none})"
    return f"{found.point:+.4f} [{found.interval[0]:+.4f}, {found.interval[1]:+.4f}]"
