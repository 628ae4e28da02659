"""Vintages: which model served which rows of a model stitched from several, and which rows none could serve."""

from datetime import date

from tasks.common.settings import Frozen


class RowSpan(Frozen):
    """Some of the panel's rows."""

    n_rows: int
    first: date | None
    """First day; None where there is no row."""
    last: date | None


class Vintage(RowSpan):
    """A model, and the rows that it served."""

    model: str
    cutoff: date
    """Last day of the text it was trained on."""


class Vintages(Frozen):
    """How a model was stitched from others."""

    name: str
    """Of the stitched model."""
    embargo_days: int
    """Calendar days after its cutoff on which a model does not serve yet."""
    served: list[Vintage]
    """Oldest first; a vintage may have served no row."""
    unserved: RowSpan
    """Rows up to the oldest cutoff and its embargo: in no figure of any model."""
