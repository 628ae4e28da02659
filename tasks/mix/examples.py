"""Examples on their way into the mix, and how many are left after each step."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from pydantic import JsonValue

from tasks.mix.config import MixConfig
from tasks.schemas.examples import ChatExample, Message, PreferencePair

Example = ChatExample | PreferencePair
STEPS = ("n_read", "n_valid", "n_capped", "n_before_holdout", "n_not_asked", "n_kept")
"""Examples that were read, and left after the schema (and the outcome of zero), the cap, the crossing of the hold-out,
the questions and the duplicates."""


@dataclass(frozen=True)
class Candidate:
    """An example, and the last day that its answer knows; None for the prompt's own day."""

    example: Example
    label_until: date | None = None


@dataclass
class Found:
    """What a source has, by group.

    Args:
        candidates: Valid examples.
        n_read: All.
        n_zero: Rows that were drawn and have no direction, for their outcome is zero.
        n_short: Rows that were asked for beyond those there are.
    """

    candidates: list[Candidate] = field(default_factory=list)
    n_read: Counter[str] = field(default_factory=Counter)
    n_zero: Counter[str] = field(default_factory=Counter)
    n_short: Counter[str] = field(default_factory=Counter)

    def add(self, candidate: Candidate) -> None:
        """Count and keep one."""
        self.n_read[candidate.example.group] += 1
        self.candidates.append(candidate)


class Counts:
    """Examples after each step, by source, role and group."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)

    def found(self, name: str, role: str, found: Found) -> None:
        """Count what a source has."""
        for step in ("n_read", "n_zero", "n_short"):
            for group, n_rows in getattr(found, step).items():
                self._counts[name, role, group][step] += n_rows
        self.left(name, role, "n_valid", found.candidates)

    def left(self, name: str, role: str, step: str, candidates: Iterable[Candidate]) -> None:
        """Count what is left after a step."""
        for candidate in candidates:
            self._counts[name, role, candidate.example.group][step] += 1

    def rows(self) -> list[dict[str, JsonValue]]:
        """A mapping per source, role and group, in order."""
        return [
            {"source": name, "role": role, "group": group}
            | {step: counted[step] for step in (*STEPS, "n_zero", "n_short")}
            for (name, role, group), counted in self._counts.items()
        ]

    def totals(self) -> dict[str, JsonValue]:
        """Sums by source."""
        sums: dict[str, Counter[str]] = defaultdict(Counter)
        for (name, _, _), counted in self._counts.items():
            sums[name].update(counted)
        return {name: {step: counted[step] for step in (*STEPS, "n_zero", "n_short")} for name, counted in sums.items()}


def prompt_of(text: str, config: MixConfig) -> tuple[Message, ...]:
    """A user's turn after the mix's system message, if there is one."""
    return with_system((Message(role="user", content=text),), config)


def with_system(messages: Sequence[Message], config: MixConfig) -> tuple[Message, ...]:
    """The messages after the mix's system message, if there is one and they have none."""
    if config.system is None or messages[0].role == "system":
        return tuple(messages)
    return (Message(role="system", content=config.system), *messages)


def chat(
    source: str, key: str, group: str, question: str, answer: str, config: MixConfig, day: date | None = None
) -> ChatExample:
    """A question and its answer."""
    messages = (*prompt_of(question, config), Message(role="assistant", content=answer))
    return ChatExample(id=f"{source}/{key}", source=source, group=group, day=day, messages=messages)
