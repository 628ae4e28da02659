"""Drawing a corpus into shards: which documents are taken, and which of them are kept apart for validation."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.corpus.config import CorpusConfig
from tasks.corpus.errors import BudgetTooLarge, EmptyCorpus, EngineDiffers
from tasks.corpus.filters.clip import CORRUPT, LOW_LANGUAGE_SCORE, NEAR_DUPLICATE, UNREADABLE_DATE, wrong_side
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.write.counts import DumpCensus
from tasks.corpus.write.shards import ShardWriter
from tasks.corpus.write.source_manifest import FileBook
from tasks.corpus.write.state import State, TakenBefore
from tasks.corpus.write.streams import Drawn, Stream, in_turn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

COMPARE_EVERY = 1_024
"""Of so many documents one is tokenized by both engines; it costs the assembler a hundredth of its time."""

WAYS_OUT = {
    LOW_LANGUAGE_SCORE: "Lower corpus.source.language_score, or leave it out.",
    UNREADABLE_DATE: "Its dates must start with an ISO day, such as 2017-06-23; correct them, or leave it out.",
    CORRUPT: "Fetch its files again, or leave it out.",
}


class Drawing:
    """Documents into shards.

    Args:
        config: What is drawn.
        work: The corpus's work folder; shards are made in `shards/` of it.
        state: Where an earlier start came to.
        tokenizer: Transformers', whose ids count.
        engine: What the workers tokenize with.
        files: Which files were opened.
    """

    def __init__(
        self,
        config: CorpusConfig,
        work: Path,
        state: State,
        tokenizer: "PreTrainedTokenizerBase",
        engine: EngineSpec,
        files: FileBook,
    ) -> None:
        self.config, self.state, self.files = config, state, files
        self.cutoff = Cutoff(config.cutoff, config.side)
        self._tokenizer, self._engine = tokenizer, engine
        self._training = ShardWriter(work / "shards", self.cutoff, state.n_shards)
        self._validation = ShardWriter(work / "shards" / "validation", self.cutoff, state.n_validation_shards)
        self._duplicates = TakenBefore(work / "signatures", state.n_shards) if config.deduplicate else None

    def run(self, streams: Sequence[Stream]) -> None:
        """Draw until every quota is filled.

        Raises:
            EmptyCorpus: If a stratum has no document of the wanted side.
            BudgetTooLarge: If a stratum ends before it has given its quota.
        """
        for stream, drawn in in_turn(streams):
            if drawn is None:
                raise self._ended(stream)
            self._take(stream, drawn)
            if self._training.n_pending_tokens >= self.config.shard_tokens:
                self._write_down(streams)
        self._write_down(streams)
        self._training.end()
        self._validation.end()

    def _take(self, stream: Stream, drawn: Drawn) -> None:
        census, stratum = self.state.census, stream.stratum.index
        signed = drawn.signature
        if self._duplicates and signed is not None and not self._duplicates.is_new(drawn.name, signed):
            census.dumps[stratum].dropped[NEAR_DUPLICATE] += 1
            return
        ids = self._ids(drawn)
        self.state.scan.count(drawn.name, drawn.found)
        if is_validation(drawn.name, self.config):
            self._validation.write(drawn.line, ids, drawn.day)
            census.kept_apart(stratum, len(ids))
        else:
            self._training.write(drawn.line, ids, drawn.day)
            census.took(stratum, drawn.day, len(ids))
            stream.cursor.given += len(ids)

    def _ids(self, drawn: Drawn) -> np.ndarray:
        census = self.state.census
        compare = self._engine.kind != "transformers" and census.n_documents % COMPARE_EVERY == 0
        if drawn.ids is not None and not compare:
            return drawn.ids
        encoded = self._tokenizer(drawn.text, add_special_tokens=False, verbose=False)["input_ids"]
        ids = np.asarray(encoded, np.uint32)
        if drawn.ids is None:
            census.n_unsure += 1
            return ids
        census.n_compared += 1
        if not np.array_equal(ids, drawn.ids):
            raise EngineDiffers(
                f"document {drawn.name} has other ids by {self._engine.kind} than by transformers; nothing is "
                "published. Set corpus.engine to transformers, and please report the document."
            )
        return ids

    def _write_down(self, streams: Sequence[Stream]) -> None:
        self._training.close_shard()
        self._validation.close_shard()
        if self._duplicates:
            self._duplicates.save(self._training.n_shards)
        self.files.save({path for dump in self.state.census.dumps for path in dump.files})
        self.state.save(self._training.n_shards, self._validation.n_shards)
        for stream in streams:
            while stream.done:
                stream.done.pop().unlink(missing_ok=True)

    def _ended(self, stream: Stream) -> EmptyCorpus | BudgetTooLarge:
        dump, name = self.state.census.dumps[stream.stratum.index], stream.stratum.name
        if not dump.n_documents + dump.n_validation + dump.dropped[NEAR_DUPLICATE]:
            return EmptyCorpus(f"{name} has no document {self.cutoff.words}{self._why_empty(dump)}")
        budget, quota = self.config.token_budget, stream.stratum.quota
        share = (
            f"its {getattr(self.config.source, 'quota', 'equal')} share of token_budget={budget:,} is {quota:,}"
            if quota < budget
            else f"token_budget={quota:,}"
        )
        return BudgetTooLarge(
            f"{name} holds {dump.n_tokens:,} tokens {self.cutoff.words}, {share}. Lower token_budget to "
            f"{dump.n_tokens * budget // quota:,}, move the cutoff, or draw from more."
        )

    def _why_empty(self, dump: DumpCensus) -> str:
        reason, n_dropped = max(dump.dropped.items(), key=lambda drop: drop[1], default=("", 0))
        if not n_dropped:
            return ": it holds no document at all. Name a source that has some, or leave it out."
        if reason != wrong_side(self.cutoff):
            way_out = WAYS_OUT.get(reason, "Look at its files, or leave it out.")
            return f" that can be taken: {n_dropped:,} of {dump.n_read:,} are dropped as {reason}. {way_out}"
        known = self.cutoff.side == "known"
        nearest = f"the first is of {dump.first_day}" if known else f"the last is of {dump.last_day}"
        return (
            f": {nearest}, {n_dropped} lie {'after' if known else 'on or before'} it. "
            f"Move the cutoff {'later' if known else 'earlier'}."
        )


def is_validation(name: str, config: CorpusConfig) -> bool:
    """Whether a document is kept apart: it depends on nothing but seed and id."""
    digest = hashlib.sha256(f"{config.seed}:validation:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < config.validation_share * 2**64
