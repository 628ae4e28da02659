"""Rows on their way into a panel: no step drops one without a count and a reason."""

import pandas as pd
from pydantic import JsonValue


class Funnel:
    """The rows left, and how many each step left and dropped.

    Args:
        rows: What the source has.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self._kept = {"n_rows_raw": len(rows)}
        self._dropped: dict[str, int] = {}

    def keep(self, is_kept: pd.Series, kept: str, reason: str) -> None:
        """Drop the rows that are not kept.

        Args:
            is_kept: One per row left.
            kept: Fact that counts the rows left afterwards.
            reason: Why the others go.
        """
        self.go_on_with(self.rows if is_kept.all() else self.rows[is_kept], kept, reason)

    def go_on_with(self, rows: pd.DataFrame, kept: str, reason: str) -> None:
        """Go on with some of the rows, in whatever order; counted as in `keep`."""
        self._kept[kept] = len(rows)
        self._dropped[reason] = len(self.rows) - len(rows)
        self.rows = rows

    def facts(self) -> dict[str, JsonValue]:
        """Counts of rows left after each step, in order, and of rows dropped, by reason."""
        return {**self._kept, "n_dropped": {**self._dropped}}
