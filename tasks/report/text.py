"""Numbers as text. A figure that is not defined is a dash, and its reason is told below the table."""

from collections.abc import Iterable

from tasks.schemas.scores import Interval

DASH = "\N{EN DASH}"
NO_REASON = "no reason was recorded"

Missing = tuple[str, str]
"""What is missing, and why."""


def signed(value: float | None) -> str:
    """Four decimals with the sign: +0.0794. What rounds to zero has a plus."""
    return DASH if value is None else f"{value:+z.4f}"


def bounds(interval: Interval | None) -> str:
    """The two ends of a 95 % interval."""
    return DASH if interval is None else f"[{interval.p2_5:+.4f}, {interval.p97_5:+.4f}]"


def round_bounds(ends: tuple[float, float] | None) -> str:
    """The two ends of a jackknife's interval, in round brackets, so that it is not taken for the draws'."""
    return DASH if ends is None else f"({ends[0]:+.4f}, {ends[1]:+.4f})"


def number(value: float) -> str:
    """Thousands in groups, fractions in four digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def spaced(name: str) -> str:
    """A field's name as words: `too few stocks`, and without the `n_` of a count."""
    return " ".join("R2" if word == "r2" else word for word in name.removeprefix("n_").split("_"))


def reasons(missing: Iterable[Missing]) -> list[str]:
    """One sentence per reason, with all that is missing for it."""
    by_reason: dict[str, list[str]] = {}
    for what, why in missing:
        by_reason.setdefault(why or NO_REASON, []).append(what)
    return [f"{DASH} {', '.join(whats)}: {why}" for why, whats in by_reason.items()]


def dropped(by_reason: dict[str, int]) -> list[tuple[str, int]]:
    """Dropped draws with their reason in words, in the reasons' order."""
    return [(spaced(reason), n) for reason, n in sorted(by_reason.items())]
