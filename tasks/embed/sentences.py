"""A column of sentences as token ids, each distinct one once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Sentences:
    """Distinct sentences, and which row has which.

    Args:
        ids: Token ids of each distinct sentence, in the order of its first row.
        of_row: (n_rows,) position in `ids` of each row's sentence.
    """

    ids: Sequence[Sequence[int]]
    of_row: NDArray[np.int64]

    @classmethod
    def read(cls, texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase") -> "Sentences":
        """Tokenize a column without special tokens; sentences that repeat, undated ones mostly, cost nothing twice."""
        positions = {text: position for position, text in enumerate(dict.fromkeys(texts))}
        ids = tokenizer(list(positions), add_special_tokens=False, verbose=False)["input_ids"]
        return cls(ids, np.array([positions[text] for text in texts], dtype=np.int64))

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row's sentence."""
        return [len(self.ids[position]) for position in self.of_row]

    @property
    def n_tokens(self) -> int:
        """Tokens of the distinct sentences."""
        return sum(map(len, self.ids))
