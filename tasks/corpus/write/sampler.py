"""The sampler: which documents are kept, and which of them are held out for validation."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.common.progress import Progress
from tasks.corpus.config import CorpusConfig
from tasks.corpus.errors import BudgetTooLarge, EmptyCorpus, EngineDiffers
from tasks.corpus.filters.clip import (
    CORRUPT,
    LOW_LANGUAGE_SCORE,
    NEAR_DUPLICATE,
    NO_LANGUAGE_SCORE,
    UNREADABLE_DATE,
    wrong_side_reason,
)
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.write.counts import GroupCounts
from tasks.corpus.write.shards import ShardWriter
from tasks.corpus.write.source_manifest import SourceManifest
from tasks.corpus.write.state import KeptSignatures, ResumeState
from tasks.corpus.write.streams import GroupStream, SampledDocument, take_turns

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

COMPARE_EVERY = 1_024
"""One of so many documents is tokenized by both engines, which takes a hundredth of the sampler's time."""

WAYS_OUT = {
    LOW_LANGUAGE_SCORE: "Lower corpus.source.language_score, or leave it out.",
    NO_LANGUAGE_SCORE: "Leave corpus.source.language_score out, for the files give none.",
    UNREADABLE_DATE: "Its dates must start with an ISO day, such as 2017-06-23; correct them, or leave it out.",
    CORRUPT: "Fetch its files again, or leave it out.",
}


class Sampler:
    """Samples documents into shards, in `shards/` of the work folder.

    Args:
        config: The corpus's.
        work: The corpus's work folder.
        state: State of an earlier start, updated with every document.
        tokenizer: Transformers', which defines the ids.
        engine: The workers' engine.
        manifest: The files that were opened.
    """

    def __init__(
        self,
        config: CorpusConfig,
        work: Path,
        state: ResumeState,
        tokenizer: "PreTrainedTokenizerBase",
        engine: EngineSpec,
        manifest: SourceManifest,
    ) -> None:
        self.config, self.state, self.manifest = config, state, manifest
        self.cutoff = Cutoff(config.cutoff, config.side)
        self._tokenizer, self._engine = tokenizer, engine
        self._training = ShardWriter(work / "shards", self.cutoff, state.n_shards)
        self._validation = ShardWriter(work / "shards" / "validation", self.cutoff, state.n_validation_shards)
        self._signatures = KeptSignatures(work / "signatures", state.n_shards) if config.deduplicate else None
        self._progress = Progress("corpus", config.token_budget, "tokens", n_before=state.counts.n_tokens)

    def run(self, streams: Sequence[GroupStream]) -> None:
        """Sample until every quota is filled.

        Raises:
            EmptyCorpus: If a group has no document of the wanted side.
            BudgetTooLarge: If a group ends before its quota is filled.
        """
        for stream, document in take_turns(streams):
            if document is None:
                raise self._ended(stream)
            self._add(stream, document)
            if self._training.n_pending_tokens >= self.config.shard_tokens:
                self._save(streams)
        self._save(streams)
        self._training.end()
        self._validation.end()

    def _add(self, stream: GroupStream, document: SampledDocument) -> None:
        counts, group = self.state.counts, stream.group.index
        signature = document.signature
        if self._signatures and signature is not None and not self._signatures.is_new(document.name, signature):
            counts.dumps[group].dropped[NEAR_DUPLICATE] += 1
            return
        ids = self._ids(document)
        self.state.scan.count(document.name, document.found)
        if is_validation(document.name, self.config):
            self._validation.write(document.line, ids, document.day)
            counts.add_validation(group, len(ids))
        else:
            self._training.write(document.line, ids, document.day)
            counts.add_training(group, document.day, len(ids))
            stream.cursor.given += len(ids)
            self._progress.add(len(ids))

    def _ids(self, document: SampledDocument) -> np.ndarray:
        counts = self.state.counts
        compare = self._engine.kind != "transformers" and counts.n_documents % COMPARE_EVERY == 0
        if document.ids is not None and not compare:
            return document.ids
        encoded = self._tokenizer(document.text, add_special_tokens=False, verbose=False)["input_ids"]
        ids = np.asarray(encoded, np.uint32)
        if document.ids is None:
            counts.n_unsure += 1
            return ids
        counts.n_compared += 1
        if not np.array_equal(ids, document.ids):
            raise EngineDiffers(
                f"document {document.name} has other ids by {self._engine.kind} than by transformers; nothing is "
                "published. Set corpus.engine to transformers, and please report the document."
            )
        return ids

    def _save(self, streams: Sequence[GroupStream]) -> None:
        """Close the shards and save the state; chunks drawn to their end are removed after that."""
        self._training.close_shard()
        self._validation.close_shard()
        if self._signatures:
            self._signatures.save(self._training.n_shards)
        self.manifest.save({path for group in self.state.counts.dumps for path in group.files})
        self.state.save(self._training.n_shards, self._validation.n_shards)
        for stream in streams:
            while stream.finished:
                stream.finished.pop().unlink(missing_ok=True)

    def _ended(self, stream: GroupStream) -> EmptyCorpus | BudgetTooLarge:
        counts, name = self.state.counts.dumps[stream.group.index], stream.group.name
        if not counts.n_documents + counts.n_validation + counts.dropped[NEAR_DUPLICATE]:
            return EmptyCorpus(f"{name} has no document {self.cutoff.words}{self._why_empty(counts)}")
        budget, quota = self.config.token_budget, stream.group.quota
        wanted = (
            f"its {getattr(self.config.source, 'quota', 'equal')} share of token_budget={budget:,} is {quota:,}"
            if quota < budget
            else f"token_budget={quota:,}"
        )
        return BudgetTooLarge(
            f"{name} holds {counts.n_tokens:,} tokens {self.cutoff.words}, {wanted}. Lower token_budget to "
            f"{counts.n_tokens * budget // quota:,}, move the cutoff, or draw from more."
        )

    def _why_empty(self, counts: GroupCounts) -> str:
        reason, n_dropped = max(counts.dropped.items(), key=lambda drop: drop[1], default=("", 0))
        if not n_dropped:
            return ": it holds no document at all. Name a source that has some, or leave it out."
        if reason != wrong_side_reason(self.cutoff):
            way_out = WAYS_OUT.get(reason, "Check its files, or leave it out.")
            return f" that can be kept: {n_dropped:,} of {counts.n_read:,} are dropped as {reason}. {way_out}"
        known = self.cutoff.side == "known"
        nearest = f"the first is of {counts.first_day}" if known else f"the last is of {counts.last_day}"
        return (
            f": {nearest}, {n_dropped} are {'after' if known else 'on or before'} it. "
            f"Move the cutoff {'later' if known else 'earlier'}."
        )


def is_validation(name: str, config: CorpusConfig) -> bool:
    """Whether a document is held out: depends only on the seed and its id."""
    digest = hashlib.sha256(f"{config.seed}:validation:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < config.validation_share * 2**64
