"""The clip: which documents of a source may be known at the cutoff, and how many were dropped for which reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from tasks.artifacts import Document
from tasks.corpus.cutoff import Cutoff

AFTER_CUTOFF, EMPTY_TEXT, UNREADABLE_DATE, BEYOND_BUDGET = (
    "after_cutoff",
    "empty_text",
    "unreadable_date",
    "beyond_budget",
)


@dataclass(frozen=True)
class RawDocument:
    """A document as its source has it; nothing about it is believed yet."""

    id: str
    date: str
    """Starts with an ISO day, where it is sound."""
    text: str


@dataclass
class Ledger:
    """What became of every document that was read."""

    n_read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Documents by reason."""
    first_day: date | None = None
    """Of all documents read, admitted or not."""

    def saw(self, day: date) -> None:
        """Remember the earliest day."""
        self.first_day = day if self.first_day is None else min(self.first_day, day)


def clip(documents: Iterable[RawDocument], cutoff: Cutoff, ledger: Ledger) -> Iterator[Document]:
    """Pass on the documents that may be known at the cutoff, and count the others by reason.

    Args:
        documents: As the source has them.
        cutoff: The last day that may be known.
        ledger: Counts what is read and dropped.

    Yields:
        Documents on or before the cutoff that have text.
    """
    for raw in documents:
        ledger.n_read += 1
        day = read_day(raw.date)
        if day is None:
            # A document of unknown date cannot be shown to lie before the cutoff.
            ledger.dropped[UNREADABLE_DATE] += 1
            continue
        ledger.saw(day)
        if not cutoff.admits(day):
            ledger.dropped[AFTER_CUTOFF] += 1
        elif not raw.text.strip():
            ledger.dropped[EMPTY_TEXT] += 1
        else:
            yield Document(id=raw.id, date=day, text=raw.text)


def read_day(text: str) -> date | None:
    """The ISO day a date string starts with, or None."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
