"""The clip: which documents of a source lie on the wanted side of the cutoff, and what was dropped for which reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from tasks.corpus.filters.cutoff import Cutoff, Dump
from tasks.schemas.artifacts import Document

AFTER_CUTOFF, UP_TO_CUTOFF, DUMP_AFTER_CUTOFF, DUMP_UP_TO_CUTOFF, UNREADABLE_DUMP = (
    "after_cutoff",
    "up_to_cutoff",
    "dump_after_cutoff",
    "dump_up_to_cutoff",
    "unreadable_dump",
)
EMPTY_TEXT, UNREADABLE_DATE, UNREADABLE_TEXT, LOW_LANGUAGE_SCORE, NEAR_DUPLICATE, CORRUPT, BEYOND_BUDGET = (
    "empty_text",
    "unreadable_date",
    "unreadable_text",
    "low_language_score",
    "near_duplicate",
    "corrupt_row_group",
    "beyond_budget",
)


@dataclass(frozen=True)
class RawDocument:
    """A document as its source has it; nothing about it is believed yet."""

    id: str
    date: str
    """Starts with an ISO day, where it is sound."""
    text: str
    dump: str | None = None
    """The crawl it says it is of; None where the source knows no crawls."""
    language_score: float | None = None


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

    def add(self, other: "Ledger") -> None:
        """Take over another's counts."""
        self.n_read += other.n_read
        self.dropped += other.dropped
        for day in (other.first_day, other.last_day):
            if day:
                self.saw(day)


def clip(
    documents: Iterable[RawDocument], cutoff: Cutoff, ledger: Ledger, language_score: float | None = None
) -> Iterator[Document]:
    """Pass on the documents of the wanted side, and count the others by reason.

    Args:
        documents: As the source has them.
        cutoff: The last day that may be known, and the wanted side of it.
        ledger: Counts what is read and dropped.
        language_score: Least score, where one is asked for.

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
        if reason := _why_not(raw, day, cutoff, language_score):
            ledger.dropped[reason] += 1
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


def _why_not(raw: RawDocument, day: date, cutoff: Cutoff, language_score: float | None) -> str | None:
    """The reason to drop a document of this day, or None."""
    if not cutoff.takes(day):
        return wrong_side(cutoff)
    if raw.dump is not None and (reason := _why_not_its_dump(raw.dump, cutoff)):
        return reason
    if not raw.text.strip():
        return EMPTY_TEXT
    if language_score is not None and (raw.language_score is None or raw.language_score < language_score):
        return LOW_LANGUAGE_SCORE
    return None if _is_unicode(raw) else UNREADABLE_TEXT


@lru_cache(maxsize=1_024)
def _why_not_its_dump(name: str, cutoff: Cutoff) -> str | None:
    try:
        dump = Dump.parse(name)
    except ValueError:
        return UNREADABLE_DUMP
    if cutoff.takes(dump):
        return None
    return DUMP_AFTER_CUTOFF if cutoff.side == "known" else DUMP_UP_TO_CUTOFF


def _is_unicode(raw: RawDocument) -> bool:
    """Whether it can be written as UTF-8: JSON may hold halves of surrogate pairs."""
    try:
        raw.text.encode()
        raw.id.encode()
    except UnicodeEncodeError:
        return False
    return True
