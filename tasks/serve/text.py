"""Text from new tokens, as far as it is certain: whole characters, and nothing that may begin a stop text."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNFINISHED = "\ufffd"
"""What a tokenizer decodes the bytes of an unfinished character to."""


class TextStream:
    """Decodes an answer piece by piece.

    Args:
        tokenizer: The model's.
        stops: Texts that end the answer and are not part of it.
        end_tokens: Tokens that end it.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", stops: tuple[str, ...], end_tokens: list[int]) -> None:
        self.tokenizer, self.stops, self.end_tokens = tokenizer, stops, set(end_tokens)
        self.ids: list[int] = []
        self.finish_reason = "length"

    def pieces(self, tokens: Iterable[int]) -> Iterator[str]:
        """Pieces of the answer's text, in order; together they are the whole text.

        `ids` and `finish_reason` say afterwards what was read, and why it ended.
        """
        n_sent, text = 0, ""
        for token in tokens:
            self.ids.append(token)
            if token in self.end_tokens:
                self.finish_reason = "stop"
                break
            text = self._decode()
            if (end := self._first_stop(text)) is not None:
                self.finish_reason, text = "stop", text[:end]
                break
            certain = len(text) - self._n_uncertain(text)
            if certain > n_sent:
                yield text[n_sent:certain]
                n_sent = certain
        if len(text) > n_sent:
            yield text[n_sent:]

    def _decode(self) -> str:
        return str(self.tokenizer.decode(self.ids, skip_special_tokens=True))

    def _first_stop(self, text: str) -> int | None:
        found = [text.find(stop) for stop in self.stops]
        return min((at for at in found if at >= 0), default=None)

    def _n_uncertain(self, text: str) -> int:
        """Characters at the end that may still change, or begin a stop text."""
        n_unfinished = len(text) - len(text.rstrip(UNFINISHED))
        begun = [n for stop in self.stops for n in range(1, len(stop)) if text.endswith(stop[:n])]
        return max([n_unfinished, *begun])
