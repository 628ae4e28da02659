"""Clipping: keeps the documents of the wanted side of the cutoff and counts all others by reason."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from tasks.corpus.filters.cutoff import Cutoff, Dump
from tasks.schemas.artifacts import Document

AFTER_CUTOFF, UP_TO_CUTOFF = "after_cutoff", "up_to_cutoff"
DUMP_AFTER_CUTOFF, DUMP_UP_TO_CUTOFF, UNREADABLE_DUMP = "dump_after_cutoff", "dump_up_to_cutoff", "unreadable_dump"
EMPTY_TEXT, UNREADABLE_DATE, UNREADABLE_TEXT = "empty_text", "unreadable_date", "unreadable_text"
LOW_LANGUAGE_SCORE, NO_LANGUAGE_SCORE = "low_language_score", "language_score_is_no_number"
NEAR_DUPLICATE, CORRUPT = "near_duplicate", "corrupt_row_group"
BEYOND_BUDGET = "beyond_budget"


@dataclass(frozen=True)
class RawDocument:
    """A document as its source has it, before any check."""

    id: str
    date: str
    """Starts with an ISO day, if it is well-formed."""
    text: str
    dump: str | None = None
    """The crawl the row names; None for sources without crawls."""
    language_score: float | None = None


@dataclass
class ClipCounts:
    """Documents read, and documents dropped by reason."""

    n_read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    first_day: date | None = None
    """Of all documents with a readable date, kept or dropped."""
    last_day: date | None = None

    def add_day(self, day: date) -> None:
        """Widen the range of days."""
        self.first_day = min(self.first_day or day, day)
        self.last_day = max(self.last_day or day, day)


def clip(
    documents: Iterable[RawDocument], cutoff: Cutoff, counts: ClipCounts, language_score: float | None = None
) -> Iterator[Document]:
    """Keep documents that have text and are on the wanted side of the cutoff.

    Args:
        documents: As the source has them.
        cutoff: The last day that may be known, and the wanted side of it.
        counts: Updated with every document.
        language_score: Least score, if one is configured.

    Yields:
        The documents that are kept.
    """
    for raw in documents:
        counts.n_read += 1
        day = _parse_day(raw.date)
        if day is None:
            # A document without a date cannot be shown to be on either side of the cutoff.
            counts.dropped[UNREADABLE_DATE] += 1
            continue
        counts.add_day(day)
        if reason := _drop_reason(raw, day, cutoff, language_score):
            counts.dropped[reason] += 1
        else:
            yield Document(id=raw.id, date=day, text=raw.text)


def wrong_side_reason(cutoff: Cutoff) -> str:
    """The reason under which a document of the other side is counted."""
    return AFTER_CUTOFF if cutoff.side == "known" else UP_TO_CUTOFF


def _parse_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _drop_reason(raw: RawDocument, day: date, cutoff: Cutoff, language_score: float | None) -> str | None:
    if not cutoff.takes(day):
        return wrong_side_reason(cutoff)
    if raw.dump is not None and (reason := _dump_drop_reason(raw.dump, cutoff)):
        return reason
    if not raw.text.strip():
        return EMPTY_TEXT
    if language_score is not None and (reason := _score_drop_reason(raw.language_score, language_score)):
        return reason
    return None if _is_unicode(raw) else UNREADABLE_TEXT


def _score_drop_reason(score: float | None, least: float) -> str | None:
    if score is None or math.isnan(score):
        return NO_LANGUAGE_SCORE
    return None if score >= least else LOW_LANGUAGE_SCORE


@lru_cache(maxsize=1_024)
def _dump_drop_reason(name: str, cutoff: Cutoff) -> str | None:
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
        (raw.id + raw.text).encode()
    except UnicodeEncodeError:
        return False
    return True
