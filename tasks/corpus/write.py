"""Write a corpus and tell what became of every document read."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path

from pydantic import JsonValue

from tasks.corpus.clip import BEYOND_BUDGET, Ledger, wrong_side
from tasks.corpus.config import CorpusConfig
from tasks.corpus.cutoff import Cutoff
from tasks.corpus.draw import DrawnDocument, draw
from tasks.corpus.errors import EmptyCorpus
from tasks.corpus.shards import ShardWriter
from tasks.corpus.strata import Stratum, open_strata
from tasks.tokenizer import load_tokenizer, tokenizer_digest

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10
DECADES_FROM_YEARS = 30
"""A corpus that spans more years than this is counted by decade."""


@dataclass
class Census:
    """Counts of the documents taken."""

    n_documents: int = 0
    n_tokens: int = 0
    tokens_by_day: Counter[date] = field(default_factory=Counter)

    def count(self, drawn: DrawnDocument) -> None:
        """Count a document."""
        self.n_documents += 1
        self.n_tokens += len(drawn.ids)
        self.tokens_by_day[drawn.document.date] += len(drawn.ids)

    def tokens_by_period(self) -> dict[str, JsonValue]:
        """Tokens by year, or by decade where there are many years."""
        by_decade = max(self.tokens_by_day).year - min(self.tokens_by_day).year > DECADES_FROM_YEARS
        periods: Counter[str] = Counter()
        for day, n_tokens in sorted(self.tokens_by_day.items()):
            periods[f"{day.year // 10 * 10}s" if by_decade else str(day.year)] += n_tokens
        return dict(periods)


def write_corpus(config: CorpusConfig, folder: Path) -> dict[str, JsonValue]:
    """Leave a TextShards' files in `folder`.

    Args:
        config: Source, cutoff and budget.
        folder: Empty folder.

    Returns:
        Facts for the record: counts, days, drops by reason, tokens by period, the tokenizer's digest.

    Raises:
        CorpusError: If the source does not hold what is asked for.
    """
    ledger, census = Ledger(), Census()
    cutoff = Cutoff(config.cutoff, config.side)
    strata = [_refuse_empty(stratum, cutoff, ledger) for stratum in open_strata(config, ledger)]
    tokenizer = load_tokenizer(config.tokenizer)
    drawn = draw(strata, tokenizer, config.token_budget, config.batch_documents, cutoff)
    writer = ShardWriter(folder, cutoff, config.shard_tokens)
    for document in _with_progress(drawn, census, config.token_budget):
        writer.write(document)
    writer.close()
    # What was read and admitted but not wanted any more; later documents of a stream were never read.
    ledger.dropped[BEYOND_BUDGET] = ledger.n_read - census.n_documents - ledger.dropped.total()
    facts = _facts(census, ledger) | {"n_shards": writer.n_shards, "tokenizer_sha256": tokenizer_digest(tokenizer)}
    log.info("corpus: %s", " · ".join(f"{name} {count:,}" for name, count in sorted(ledger.dropped.items())))
    return facts


def _facts(census: Census, ledger: Ledger) -> dict[str, JsonValue]:
    return {
        "n_documents": census.n_documents,
        "n_tokens": census.n_tokens,
        "first_day": str(min(census.tokens_by_day)),
        "last_day": str(max(census.tokens_by_day)),
        "n_read": ledger.n_read,
        "dropped": dict(sorted(ledger.dropped.items())),
        "tokens_by_period": census.tokens_by_period(),
    }


def _refuse_empty(stratum: Stratum, cutoff: Cutoff, ledger: Ledger) -> Stratum:
    """Look at the first document, so that a cutoff before, or after, all text is named as such."""
    first = next(stratum.documents, None)
    if first is None:
        known = cutoff.side == "known"
        nearest = ("the first", ledger.first_day) if known else ("the last", ledger.last_day)
        raise EmptyCorpus(
            f"{stratum.name} has no document {cutoff.words}: {nearest[0]} is of {nearest[1] or 'no readable day'}, "
            f"{ledger.dropped[wrong_side(cutoff)]} lie {'after' if known else 'on or before'} it. "
            f"Move the cutoff {'later' if known else 'earlier'}."
        )
    return Stratum(stratum.name, chain([first], stratum.documents))


def _with_progress(drawn: Iterable[DrawnDocument], census: Census, token_budget: int) -> Iterator[DrawnDocument]:
    """Count documents as they pass, with a line every few seconds."""
    started = reported = time.monotonic()
    for document in drawn:
        census.count(document)
        yield document
        if (now := time.monotonic()) - reported >= PROGRESS_SECONDS:
            rate = census.n_tokens / (now - started)
            log.info("corpus: %d of %d tokens, %.0f tokens/s", census.n_tokens, token_budget, rate)
            reported = now
