"""Counts of what was drawn and dropped, by group, day and reason; saved with every shard."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import JsonValue

from tasks.corpus.filters.clip import BEYOND_BUDGET
from tasks.corpus.workers.chunks import TokenizedChunk

DECADES_FROM_YEARS = 30
"""A corpus that spans more years than this is counted by decade."""


@dataclass
class GroupCounts:
    """Counts of one group."""

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
    """Of all documents read, kept or dropped."""
    last_day: str = ""

    def add_chunk(self, path: str, chunk: TokenizedChunk) -> None:
        """Count a work item of a file when its first document is asked for."""
        self.files[path] = self.files.get(path, 0) + 1
        if chunk.corrupt:
            self.corrupt[path] = chunk.corrupt
        self.n_read += chunk.counts.n_read
        self.dropped += chunk.counts.dropped
        if chunk.counts.first_day and chunk.counts.last_day:
            self.first_day = min(self.first_day or "9", str(chunk.counts.first_day))
            self.last_day = max(self.last_day, str(chunk.counts.last_day))

    def all_dropped(self) -> Counter[str]:
        """Drops by reason, with documents that were read and not needed once the quota was filled."""
        left = self.n_read - self.n_documents - self.n_validation - self.dropped.total()
        return self.dropped + Counter({BEYOND_BUDGET: left})


@dataclass
class Counts:
    """Counts of a whole corpus."""

    dumps: list[GroupCounts]
    n_documents: int = 0
    n_tokens: int = 0
    n_validation_documents: int = 0
    n_validation_tokens: int = 0
    tokens_by_day: Counter[str] = field(default_factory=Counter)
    documents_by_day: Counter[str] = field(default_factory=Counter)
    n_unsure: int = 0
    """Documents whose ids transformers' tokenizer made, because the engine was unsure."""
    n_compared: int = 0
    """Documents tokenized by both."""

    def add_training(self, group: int, day: date, n_tokens: int) -> None:
        """Count a training document."""
        self.n_documents += 1
        self.n_tokens += n_tokens
        self.dumps[group].n_documents += 1
        self.dumps[group].n_tokens += n_tokens
        self.tokens_by_day[str(day)] += n_tokens
        self.documents_by_day[str(day)] += 1

    def add_validation(self, group: int, n_tokens: int) -> None:
        """Count a validation document."""
        self.n_validation_documents += 1
        self.n_validation_tokens += n_tokens
        self.dumps[group].n_validation += 1

    def tokens_by_period(self) -> dict[str, JsonValue]:
        """Tokens by year, or by decade if there are many years."""
        years = [int(day[:4]) for day in self.tokens_by_day]
        by_decade = max(years) - min(years) > DECADES_FROM_YEARS
        periods: Counter[str] = Counter()
        for day, n_tokens in sorted(self.tokens_by_day.items()):
            periods[f"{day[:3]}0s" if by_decade else day[:4]] += n_tokens
        return dict(periods)

    def dropped(self) -> dict[str, int]:
        """Drops by reason, of all groups."""
        total = sum((group.all_dropped() for group in self.dumps), Counter[str]())
        return {BEYOND_BUDGET: 0} | dict(sorted(total.items()))

    def facts(self) -> dict[str, JsonValue]:
        """For the record."""
        return {
            "n_documents": self.n_documents,
            "n_tokens": self.n_tokens,
            "n_validation_documents": self.n_validation_documents,
            "n_validation_tokens": self.n_validation_tokens,
            "first_day": min(self.tokens_by_day),
            "last_day": max(self.tokens_by_day),
            "n_read": sum(group.n_read for group in self.dumps),
            "dropped": dict(self.dropped()),
            "tokens_by_period": self.tokens_by_period(),
            "n_tokenized_by_both": self.n_compared,
            "n_left_to_transformers": self.n_unsure,
        }

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return vars(self) | {"dumps": [vars(group) for group in self.dumps]}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Counts":
        """Read what `to_json` returned."""
        counters = {name: Counter(saved[name]) for name in ("tokens_by_day", "documents_by_day")}
        groups = [GroupCounts(**(group | {"dropped": Counter(group["dropped"])})) for group in saved["dumps"]]
        return cls(**(saved | counters | {"dumps": groups}))


def by_month(by_day: Counter[str]) -> dict[str, int]:
    """Sums by month, such as `2016-03`."""
    months: Counter[str] = Counter()
    for day, count in sorted(by_day.items()):
        months[day[:7]] += count
    return dict(months)
