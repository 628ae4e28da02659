"""The table of runs: as text, Markdown and CSV with full-precision numbers."""

import csv
import io
import json
from collections.abc import Sequence

from flows.runs.row import RunRow
from tasks.common.text import DASH, markdown_cell
from tasks.sweep.figures import Figure, with_interval

Row = dict[str, str]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a cell that starts with one of these for a formula. Source: OWASP, CSV Injection."""


def run_cells(row: RunRow) -> Row:
    """A run as the table for people shows it."""
    return {
        "started": f"{row.started:%Y-%m-%d %H:%M}" if row.started else DASH,
        "who": row.who,
        "recipe": row.recipe,
        "differs from the deployment's": row.differs or "nothing",
        "state": row.state,
        "tokens seen": DASH if row.tokens_seen is None else f"{row.tokens_seen:,}",
        "dollars": _dollars(row.dollars),
        "with reused artifacts": _dollars(row.dollars_in_all),
        "minutes": DASH if row.minutes is None else f"{row.minutes:,.1f}",
        "lookahead": with_interval(row.lookahead),
        "gain": with_interval(row.gain),
        "premium, base": with_interval(row.premium_base),
        "premium, trained": with_interval(row.premium_trained),
        "verdict": row.verdict or row.reason or DASH,
        "run": row.link,
    }


def as_csv(rows: Sequence[RunRow]) -> str:
    """All runs for a program: numbers in full, an empty cell where there is none.

    Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, fieldnames=list(_csv_cells(_NO_RUN)))
    writer.writeheader()
    writer.writerows(_csv_cells(row) for row in rows)
    return stream.getvalue()


def as_text(rows: Sequence[Row]) -> str:
    """Rows as a block per run for a terminal: a line of every cell that says something."""
    if not rows:
        return "no runs yet"
    width = max(map(len, rows[0]))
    return "\n\n".join(
        "\n".join(f"{name.ljust(width)}  {cell}" for name, cell in row.items() if cell != DASH) for row in rows
    )


def as_json_table(rows: Sequence[Row]) -> str:
    """Rows as Prefect keeps a table."""
    return json.dumps(rows)


def as_markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table."""
    if not rows:
        return ""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([*row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(map(markdown_cell, line))} |" for line in lines)


def _csv_cells(row: RunRow) -> dict[str, str | int | float | None]:
    return {
        "started": row.started.isoformat(timespec="seconds") if row.started else None,
        "who": _escape_formula(row.who),
        "recipe": _escape_formula(row.recipe),
        "deployment": _escape_formula(row.deployment),
        "differs": _escape_formula(row.differs),
        "state": _escape_formula(row.state),
        "reason": _escape_formula(row.reason),
        "tokens_seen": row.tokens_seen,
        "dollars": row.dollars,
        "dollars_in_all": row.dollars_in_all,
        "minutes": row.minutes,
        **_numbers("lookahead", row.lookahead),
        **_numbers("gain", row.gain),
        **_numbers("premium_base", row.premium_base),
        **_numbers("premium_trained", row.premium_trained),
        "interval": row.premium_base.interval if row.premium_base else None,
        "fit": row.premium_base.fit if row.premium_base else None,
        "verdict": _escape_formula(row.verdict),
        "run": _escape_formula(row.link),
    }


def _numbers(name: str, figure: Figure | None) -> dict[str, float | None]:
    low, high = (figure.ends if figure else None) or (None, None)
    return {name: figure.point if figure else None, f"{name}_low": low, f"{name}_high": high}


def _escape_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _dollars(value: float | None) -> str:
    return DASH if value is None else f"{value:,.2f}"


_NO_RUN = RunRow(who="", started=None, recipe="", deployment="", differs="", state="", link="")
