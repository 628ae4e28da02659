"""Drawing: tokenize documents and take them until every stratum has given its share of the budget."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from tasks.artifacts import Document
from tasks.corpus.cutoff import Cutoff
from tasks.corpus.errors import BudgetTooLarge
from tasks.corpus.strata import Stratum

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class DrawnDocument:
    """A document and its (n_tokens,) uint32 ids."""

    document: Document
    ids: np.ndarray


def tokenize(
    documents: Iterable[Document], tokenizer: "PreTrainedTokenizerBase", batch_documents: int
) -> Iterator[DrawnDocument]:
    """Token ids of each document, without special tokens, in order."""
    remaining = iter(documents)
    while batch := list(islice(remaining, batch_documents)):
        encoded = tokenizer([document.text for document in batch], add_special_tokens=False, verbose=False)["input_ids"]
        for document, ids in zip(batch, encoded, strict=True):
            yield DrawnDocument(document, np.asarray(ids, dtype=np.uint32))


def draw(
    strata: Sequence[Stratum],
    tokenizer: "PreTrainedTokenizerBase",
    token_budget: int,
    batch_documents: int,
    cutoff: Cutoff,
) -> Iterator[DrawnDocument]:
    """Take from the stratum that has given least, until each has given its equal share.

    Strata take turns, so that no dump is trained after another as a block.

    Args:
        strata: Share the budget equally.
        tokenizer: Counts tokens.
        token_budget: Tokens in all; each share is rounded up, its last document kept whole.
        batch_documents: Documents tokenized at once.
        cutoff: What the strata were clipped at, for the refusal's sentence.

    Raises:
        BudgetTooLarge: If a stratum ends before it has given its share.
    """
    quota = -(-token_budget // len(strata))
    streams = {stratum.name: tokenize(stratum.documents, tokenizer, batch_documents) for stratum in strata}
    given = dict.fromkeys(streams, 0)
    while given:
        name = min(given, key=given.__getitem__)
        if (drawn := next(streams[name], None)) is None:
            raise _too_large(
                f"{name} holds {given[name]:,} tokens {cutoff.words}", given[name], token_budget, len(strata)
            )
        yield drawn
        given[name] += len(drawn.ids)
        if given[name] >= quota:
            del given[name]


def _too_large(found: str, held: int, token_budget: int, n_strata: int) -> BudgetTooLarge:
    quota = -(-token_budget // n_strata)
    share = (
        f"its equal share of token_budget={token_budget:,} is {quota:,}" if n_strata > 1 else f"token_budget={quota:,}"
    )
    return BudgetTooLarge(
        f"{found}, {share}. Lower token_budget to {held * n_strata:,}, move the cutoff, or draw from more."
    )
