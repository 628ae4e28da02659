"""Numbers, names and tables as the page shows them. An undefined figure is a dash; its reason is below the table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tasks.common.text import DASH, bounds
from tasks.schemas.estimates import WIDE_RATIO, Estimate, Interval

NO_REASON = "no reason was recorded"

WIDE = "wide"
WIDE_NOTE = (
    f"{WIDE}: the draws spread the figure more than {WIDE_RATIO:g} times as far as leaving out days does, so that the "
    "interval is likely wider than 95 % needs. No verdict is changed; an undecided may be lack of power."
)
"""Shown wherever an interval is marked."""

Missing = tuple[str, str]
"""What is missing, and why."""
Cell = list[str]
"""A figure and, in smaller type below it, its intervals."""
EstimateRow = tuple[str, str, list[Cell]]
"""A name, its meaning, and a cell per column."""
T = TypeVar("T")


@dataclass(frozen=True)
class Table(Generic[T]):
    """Rows, and a sentence per reason why figures are missing in them."""

    rows: list[T]
    missing: list[str]


def interval_bounds(interval: Interval | None) -> str:
    """The two ends of 95 % of the stock draws: [-0.0431, +0.3150]."""
    return bounds((interval.p2_5, interval.p97_5) if interval else None)


def quoted(found: Estimate) -> str:
    """The two ends of the interval to quote, with a mark where it is likely wider than 95 % needs."""
    return f"{bounds(found.interval)} {WIDE}" if found.is_wide else bounds(found.interval)


def jackknife_bounds(ends: tuple[float, float] | None) -> str:
    """The two ends of a jackknife interval, in round brackets to tell it from an interval of draws."""
    return DASH if ends is None else f"({ends[0]:+z.4f}, {ends[1]:+z.4f})"


def spaced(name: str) -> str:
    """A field's name as words: `too few stocks`, and without the `n_` of a count."""
    return " ".join("R2" if word == "r2" else word for word in name.removeprefix("n_").split("_"))


def sentence(text: str) -> str:
    """A clause as a sentence: with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def reasons(missing: Iterable[Missing]) -> list[str]:
    """One sentence per reason, with everything that is missing for it."""
    by_reason: dict[str, list[str]] = {}
    for what, why in missing:
        by_reason.setdefault(why or NO_REASON, []).append(what)
    return [f"{DASH} {', '.join(dict.fromkeys(whats))}: {why}" for why, whats in by_reason.items()]


def dropped(by_reason: dict[str, int]) -> list[tuple[str, int]]:
    """Dropped draws with their reason in words, sorted by reason."""
    return [(spaced(reason), n) for reason, n in sorted(by_reason.items())]
