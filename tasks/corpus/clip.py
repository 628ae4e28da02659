"""The clip: which documents of a source lie on the wanted side of the cutoff, and what was dropped for which reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from tasks.artifacts import Document
from tasks.corpus.cutoff import Cutoff

AFTER_CUTOFF, UP_TO_CUTOFF, EMPTY_TEXT, UNREADABLE_DATE, BEYOND_BUDGET = (
    "after_cutoff",
    "up_to_cutoff",
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
    """Of all documents read, taken or not."""
    last_day: date | None = None
    """The same."""

    def saw(self, day: date) -> None:
        """Remember the earliest and the latest day."""
        self.first_day = min(self.first_day or day, day)
        self.last_day = max(self.last_day or day, day)


def clip(documents: Iterable[RawDocument], cutoff: Cutoff, ledger: Ledger) -> Iterator[Document]:
    """Pass on the documents of the wanted side, and count the others by reason.

    Args:
        documents: As the source has them.
        cutoff: The last day that may be known, and the wanted side of it.
        ledger: Counts what is read and dropped.

    Yields:
        Documents of that side that have text.
    """
    for raw in documents:
        ledger.n_read += 1
        day = read_day(raw.date)
        if day is None:
            # A document of unknown date cannot be shown to lie on either side of the cutoff.
            ledger.dropped[UNREADABLE_DATE] += 1
            continue
        ledger.saw(day)
        if not cutoff.takes(day):
            ledger.dropped[wrong_side(cutoff)] += 1
        elif not raw.text.strip():
            ledger.dropped[EMPTY_TEXT] += 1
        else:
            yield Document(id=raw.id, date=day, text=raw.text)


def wrong_side(cutoff: Cutoff) -> str:
    """Why a document of the other side is dropped."""
    return AFTER_CUTOFF if cutoff.side == "known" else UP_TO_CUTOFF


def read_day(text: str) -> date | None:
    """The ISO day a date string starts with, or None."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
