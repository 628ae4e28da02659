"""What was drawn and what became of the rest, counted by dump, month and reason; saved with every shard."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import JsonValue

from tasks.corpus.filters.clip import BEYOND_BUDGET
from tasks.corpus.workers.chunks import Summary
from tasks.corpus.workers.work_items import Unit

DECADES_FROM_YEARS = 30
"""A corpus that spans more years than this is counted by decade."""


@dataclass
class DumpCensus:
    """Counts of one stratum."""

    files: dict[str, int] = field(default_factory=dict)
    """Row groups read, by file."""
    corrupt: dict[str, str] = field(default_factory=dict)
    """Why a file could not be read, by file."""
    n_read: int = 0
    n_documents: int = 0
    n_tokens: int = 0
    n_validation: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    first_day: str = ""
    """Of all documents read, taken or not."""
    last_day: str = ""

    def opened(self, unit: Unit, summary: Summary) -> None:
        """Count a unit when its first document is asked for."""
        self.files[unit.path] = self.files.get(unit.path, 0) + 1
        if summary.corrupt:
            self.corrupt[unit.path] = summary.corrupt
        ledger = summary.ledger
        self.n_read += ledger.n_read
        self.dropped += ledger.dropped
        if ledger.first_day and ledger.last_day:
            self.first_day = min(self.first_day or "9", str(ledger.first_day))
            self.last_day = max(self.last_day, str(ledger.last_day))

    def settled(self) -> Counter[str]:
        """Drops by reason, with those that were admitted and not wanted any more."""
        left = self.n_read - self.n_documents - self.n_validation - self.dropped.total()
        return self.dropped + Counter({BEYOND_BUDGET: left})


@dataclass
class Census:
    """Counts of a whole corpus."""

    dumps: list[DumpCensus]
    n_documents: int = 0
    n_tokens: int = 0
    n_validation_documents: int = 0
    n_validation_tokens: int = 0
    tokens_by_day: Counter[str] = field(default_factory=Counter)
    documents_by_day: Counter[str] = field(default_factory=Counter)
    n_unsure: int = 0
    """Documents whose ids transformers' tokenizer gave, for the engine was not sure."""
    n_compared: int = 0
    """Documents tokenized by both."""

    def took(self, stratum: int, day: date, n_tokens: int) -> None:
        """Count a training document."""
        self.n_documents += 1
        self.n_tokens += n_tokens
        self.dumps[stratum].n_documents += 1
        self.dumps[stratum].n_tokens += n_tokens
        self.tokens_by_day[str(day)] += n_tokens
        self.documents_by_day[str(day)] += 1

    def kept_apart(self, stratum: int, n_tokens: int) -> None:
        """Count a validation document."""
        self.n_validation_documents += 1
        self.n_validation_tokens += n_tokens
        self.dumps[stratum].n_validation += 1

    def by_month(self, by_day: Counter[str]) -> dict[str, int]:
        """Sums by month, `2016-03`."""
        months: Counter[str] = Counter()
        for day, count in sorted(by_day.items()):
            months[day[:7]] += count
        return dict(months)

    def tokens_by_period(self) -> dict[str, JsonValue]:
        """Tokens by year, or by decade where there are many years."""
        years = [int(day[:4]) for day in self.tokens_by_day]
        by_decade = max(years) - min(years) > DECADES_FROM_YEARS
        periods: Counter[str] = Counter()
        for day, n_tokens in sorted(self.tokens_by_day.items()):
            periods[f"{day[:3]}0s" if by_decade else day[:4]] += n_tokens
        return dict(periods)

    def dropped(self) -> dict[str, int]:
        """Drops by reason, of all dumps."""
        total: Counter[str] = Counter()
        for dump in self.dumps:
            total.update(dump.settled())
        return {BEYOND_BUDGET: 0} | dict(sorted(total.items()))

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return vars(self) | {"dumps": [vars(dump) for dump in self.dumps]}

    @classmethod
    def restored(cls, saved: dict[str, Any]) -> "Census":
        """Read it back."""
        counters = {name: Counter(saved[name]) for name in ("tokens_by_day", "documents_by_day")}
        dumps = [DumpCensus(**(dump | {"dropped": Counter(dump["dropped"])})) for dump in saved["dumps"]]
        return cls(**(saved | counters | {"dumps": dumps}))
