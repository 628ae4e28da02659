"""What the commands print alike: tables, sizes, and the examples under a help text."""

from collections.abc import Mapping, Sequence


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows in aligned columns."""
    columns = list(rows[0])
    widths = [max(len(column), *(len(row[column]) for row in rows)) for column in columns]
    for line in [columns, *([row[column] for column in columns] for row in rows)]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def size(n_bytes: int) -> str:
    """Bytes for a person."""
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 10**9 else f"{n_bytes / 1e6:.2f} MB"


def examples(*commands: str) -> str:
    """The end of a help text."""
    return "\n".join(("Examples:", "", "```", *commands, "```"))
