"""Numbers as text, the same in the report, in Prefect's tables and in the terminal. A missing number is a dash."""

Row = dict[str, str]
"""A table's row: text by column name."""

DASH = "\N{EN DASH}"
SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3_600


def signed(value: float | None) -> str:
    """Four decimals with the sign: +0.0794. What rounds to zero has a plus."""
    return DASH if value is None else f"{value:+z.4f}"


def bounds(ends: tuple[float, float] | None) -> str:
    """The two ends of a 95 % interval."""
    return DASH if ends is None else f"[{ends[0]:+z.4f}, {ends[1]:+z.4f}]"


def markdown_cell(text: str) -> str:
    """Text in a Markdown table: on one line, with no sign that would end the cell or begin a tag."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def counted(n: int, noun: str) -> str:
    """`1 look`, `3 looks`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time span in its natural unit: `40 s`, `12 min`, `3.2 h`."""
    if seconds < 2 * SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * SECONDS_PER_HOUR:
        return f"{seconds / SECONDS_PER_MINUTE:.0f} min"
    return f"{seconds / SECONDS_PER_HOUR:.1f} h"


def parse_duration(text: str) -> float | None:
    """Seconds of a time span as `duration` writes it, to its precision; None of another text."""
    number, _, unit = text.partition(" ")
    scale = {"s": 1, "min": SECONDS_PER_MINUTE, "h": SECONDS_PER_HOUR}.get(unit)
    try:
        return None if scale is None else float(number) * scale
    except ValueError:
        return None
