"""Duplicates: among the examples of a role, and between them and the questions.

Exact: equal texts but for case and spaces; checked for every example. Near: MinHash over words, in which a number is a
word as any other; checked for rows of files alone. Generated examples share their wording and differ in numbers, so
that likeness of words says nothing about them, and equal numbers make them exact duplicates.
"""

from collections.abc import Iterable

from tasks.common.duplicates.config import Deduplicate
from tasks.common.duplicates.near import MinHasher, NearDuplicates
from tasks.mix.examples import Example
from tasks.schemas.examples import ChatExample, Message


class Duplicates:
    """What was seen so far.

    Args:
        questions: Prompts of the questions.
        near: What counts as near; None if nothing does, or no example comes from a file.
    """

    def __init__(self, questions: Iterable[tuple[Message, ...]], near: Deduplicate | None) -> None:
        texts = [text for prompt in questions for text in _asked(prompt)]
        self._questions = set(map(_plain, texts))
        self._hasher = MinHasher(near) if near else None
        self._near_questions = NearDuplicates()
        self._seen: set[str] = set()
        self._near_seen: dict[type, NearDuplicates] = {}
        if self._hasher:
            for text in texts:
                self._near_questions.keep(self._hasher.signature(text))

    def is_new(self, example: Example, is_file: bool) -> bool:
        """Whether no example of its role before it is a duplicate of it; remembers it."""
        text = _whole(example)
        plain = f"{type(example).__name__} {_plain(text)}"
        if plain in self._seen:
            return False
        self._seen.add(plain)
        if not (is_file and self._hasher):
            return True
        index = self._near_seen.setdefault(type(example), NearDuplicates())
        return index.is_new(example.id, self._hasher.signature(text))

    def is_question(self, example: Example, is_file: bool) -> bool:
        """Whether a user's turn of it is a question's, or nearly."""
        texts = _asked(example.messages if isinstance(example, ChatExample) else example.prompt)
        if not self._questions.isdisjoint(map(_plain, texts)):
            return True
        hasher = self._hasher if is_file else None
        return hasher is not None and any(self._near_questions.knows(hasher.signature(text)) for text in texts)


def _asked(messages: Iterable[Message]) -> list[str]:
    return [message.content for message in messages if message.role == "user"]


def _whole(example: Example) -> str:
    """All of an example but the system message, which many share."""
    messages = example.messages if isinstance(example, ChatExample) else example.prompt
    answers = () if isinstance(example, ChatExample) else (example.chosen, example.rejected)
    return "\n".join([*(message.content for message in messages if message.role != "system"), *answers])


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
