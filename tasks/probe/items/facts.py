"""Dated items with a true and several wrong completions: from a file, or sentences' last words by rule."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from tasks.common.seeded import seeded_key, seeded_order
from tasks.common.settings import Frozen
from tasks.probe.errors import BadFacts
from tasks.probe.items.config import ClozeFacts, FileFacts
from tasks.probe.items.documents import period_of
from tasks.schemas.artifacts import Document

WORD = re.compile(r"[A-Za-z]+(?:['\u2019-][A-Za-z]+)*")
END = re.compile(r"(?<=[.!?])\s+")


class Fact(Frozen):
    """An item that a model recognises or not."""

    id: str = Field(min_length=1)
    date: date
    """Day on which it became known."""
    prompt: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    """The true completion, with the space before it where one belongs there."""
    wrong: tuple[str, ...] = Field(min_length=1)
    """Completions of the same kind."""

    @model_validator(mode="after")
    def _has_one_true_answer(self) -> "Fact":
        if self.answer in self.wrong or len(set(self.wrong)) < len(self.wrong):
            raise ValueError(f"item {self.id!r} has a completion twice")
        return self

    @property
    def n_bytes(self) -> int:
        """Of prompt and answer in UTF-8."""
        return len((self.prompt + self.answer).encode())


@dataclass(frozen=True)
class Cloze:
    """A sentence without its last words.

    Args:
        id: Document and sentence.
        day: Of the document.
        prompt: The sentence before them.
        answer: They, with a space before.
    """

    id: str
    day: date
    prompt: str
    answer: str


def cloze_facts(documents: Iterable[Document], config: ClozeFacts, seed: int) -> tuple[list[Fact], dict[str, int]]:
    """Make items of documents' sentences.

    Per period, sentences of at most `n_per_period` documents are taken, in an order given by seed and id. A wrong
    completion ends another sentence of the same period, with as many words and bytes. Capitals count: a name stands
    beside names only where lengths agree.

    Args:
        documents: Any number; a few per period are kept in memory.
        config: How many, and how long.
        seed: Decides which.

    Returns:
        Items by day and id, and sentences by the reason why they are none.

    Raises:
        BadFacts: If there is no item.
    """
    found: list[Fact] = []
    dropped: Counter[str] = Counter()
    for kept in _documents_per_period(documents, config, seed):
        sentences = [own for document in kept for own in _sentences(document, config, dropped)]
        made = [fact for own in sentences if (fact := _fact(own, sentences, config, seed))]
        dropped["no_wrong_answers"] += len(sentences) - len(made)
        found += seeded_order(made, lambda own: own.id, seed)[: config.n_per_period]
        dropped["beyond_n_per_period"] += max(0, len(made) - config.n_per_period)
    if not found:
        raise BadFacts(
            "no item could be made of the documents' sentences. Lower probe.items.facts.n_wrong, n_words or "
            "min_prompt_words, set sentences_of to all, or set facts to null."
        )
    return sorted(found, key=lambda own: (own.date, own.id)), dict(dropped)


def read_facts(config: FileFacts) -> list[Fact]:
    """Items of a file, by day and id.

    Raises:
        BadFacts: If the file is missing, has another digest, or a row is no item.
    """
    path = Path(config.path).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFacts(f"facts file {config.path} cannot be read: {error.strerror}. Correct its path.") from error
    if config.sha256 and (digest := sha256(content).hexdigest()) != config.sha256:
        raise BadFacts(
            f"facts file {config.path} has sha256 {digest}, the recipe names {config.sha256}; take the file it names, "
            "or name this one's."
        )
    facts = [_checked(row, number, config.path) for number, row in enumerate(_rows(path, content), start=1)]
    if not facts:
        raise BadFacts(f"facts file {config.path} has no row; give it items, or set probe.items.facts to null.")
    if twice := [name for name, n in Counter(own.id for own in facts).items() if n > 1]:
        raise BadFacts(f"facts file {config.path} has the id {twice[0]!r} twice; give each item its own.")
    return sorted(facts, key=lambda own: (own.date, own.id))


def _rows(path: Path, content: bytes) -> Iterator[object]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        yield from pq.read_table(path).to_pylist()
        return
    for line in content.decode(errors="replace").split("\n"):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                yield line


def _checked(row: object, number: int, path: str) -> Fact:
    try:
        return Fact.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "row"
        raise BadFacts(
            f"facts file {path}, row {number}: {where}: {first['msg']}. A row has id, date (ISO day), prompt, answer "
            "and wrong (a list of strings)."
        ) from error


def _documents_per_period(documents: Iterable[Document], config: ClozeFacts, seed: int) -> Iterator[list[Document]]:
    """Of each period, the documents that come first in the seed's order; as many as items."""
    groups: dict[str, dict[bytes, Document]] = defaultdict(dict)
    for own in documents:
        group = groups[period_of(own.date, config.period)]
        group[seeded_key(own.id, seed)] = own
        if len(group) > config.n_per_period:
            del group[max(group)]
    for _, group in sorted(groups.items()):
        yield [group[key] for key in sorted(group)]


def _sentences(document: Document, config: ClozeFacts, dropped: Counter[str]) -> Iterator[Cloze]:
    for number, sentence in enumerate(END.split(document.text)):
        words = sentence.rstrip(".!?").split()
        last, first = words[-config.n_words :], words[: -config.n_words]
        if not config.min_prompt_words <= len(first) <= config.max_prompt_words:
            dropped["length"] += 1
        elif not all(WORD.fullmatch(word) for word in last):
            dropped["no_plain_last_word"] += 1
        else:
            yield Cloze(f"{document.id}:{number}", document.date, " ".join(first), f" {' '.join(last)}")


def _fact(own: Cloze, sentences: list[Cloze], config: ClozeFacts, seed: int) -> Fact | None:
    """The item, if enough other sentences end with as many bytes."""
    size = len(own.answer.encode())
    others = {other.answer for other in sentences if len(other.answer.encode()) == size}
    others = {other for other in others if other.casefold() != own.answer.casefold()}
    wrong = seeded_order(sorted(others), lambda other: f"{own.id}:{other}", seed)[: config.n_wrong]
    if len(wrong) < config.n_wrong:
        return None
    return Fact(id=own.id, date=own.day, prompt=own.prompt, answer=own.answer, wrong=tuple(wrong))
