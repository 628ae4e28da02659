"""Writes a corpus: opens the source, starts the workers, samples into shards, and writes ledger and statement."""

import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

from pydantic import JsonValue

from tasks.corpus.attest.write import write_statement
from tasks.corpus.config import CorpusConfig
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.sources.open_reader import open_reader
from tasks.corpus.sources.reader import RowGroup
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.tokenize.engine_check import choose_engine
from tasks.corpus.tokenize.hub_tokenizer import compare_with_hub
from tasks.corpus.workers.executors import OpenExecutor, configured
from tasks.corpus.workers.prefetch import Prefetcher
from tasks.corpus.workers.work_items import Group
from tasks.corpus.workers.worker import Job
from tasks.corpus.write.ledger import write_ledger
from tasks.corpus.write.leftovers import (
    discard_if_engine_changed,
    remove_unverified_chunks,
    remove_unverified_copies,
)
from tasks.corpus.write.sampler import Sampler
from tasks.corpus.write.source_manifest import SourceManifest
from tasks.corpus.write.state import ResumeState
from tasks.corpus.write.streams import GroupStream
from tasks.schemas.tokenizer import load_tokenizer, tokenizer_digest

log = logging.getLogger(__name__)


def write_corpus(
    config: CorpusConfig, folder: Path, work: Path | None = None, open_executor: OpenExecutor | None = None
) -> dict[str, JsonValue]:
    """Write the files of a `TextShards` artifact to `folder`.

    Args:
        config: Source, cutoff and budget.
        folder: Empty folder.
        work: Work folder; with it, a killed run is resumed. The caller removes it.
        open_executor: Runs the workers; by default the one the environment names.

    Returns:
        Facts for the record: counts, days, drops by reason, tokens by period, the tokenizer's digest.

    Raises:
        CorpusError: If the source does not have what the config asks for.
        TokenizerError: If the packaged tokenizer differs from the hub's.
    """
    with ExitStack() as opened:
        if work is None:
            work = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=folder.parent)))
        chunks_dir, scratch_dir = work / "chunks", work / "scratch"
        for made in (chunks_dir, scratch_dir):
            made.mkdir(parents=True, exist_ok=True)
        groups, manifest = _open_source(config, work, opened)
        loaded = cache(lambda: load_tokenizer(config.tokenizer))
        executor = opened.enter_context((open_executor or partial(configured, config.token_budget))(loaded))
        tokenizer = loaded()
        digest = tokenizer_digest(tokenizer)
        compared = compare_with_hub(tokenizer, digest, config.tokenizer)

        def job_with(engine: EngineSpec) -> Job:
            return Job(config, engine, scratch_dir, chunks_dir if executor.shares_folder else None)

        engine = choose_engine(
            tokenizer,
            digest,
            config.engine,
            config.token_budget,
            scratch_dir,
            lambda spec: executor.prepare(job_with(spec)),
        )
        log.info("corpus: engine %s on %s", engine.kind, executor.name)
        discard_if_engine_changed(work, engine)
        remove_unverified_chunks(chunks_dir, groups, manifest.verified)
        state = ResumeState(work, len(groups), Cutoff(config.cutoff, config.side))
        sampler = Sampler(config, work, state, tokenizer, engine, manifest)
        prefetcher = Prefetcher(executor, job_with(engine), groups, state.cursors, chunks_dir)
        sampler.run(_streams(groups, state, prefetcher))
        link_shards(work / "shards", folder)
        write_ledger(folder, config, groups, state.counts, manifest, state.scan.facts(), digest)
        write_statement(folder, config)
    log.info("corpus: %s", " · ".join(f"{name} {count:,}" for name, count in state.counts.dropped().items()))
    return state.counts.facts() | {
        "n_shards": state.n_shards,
        "tokenizer_sha256": digest,
        "engine": engine.kind,
        "runner": executor.name,
        **compared,
    }


def split_budget(token_budget: int, weights: Sequence[float]) -> list[int]:
    """Split a budget in proportion to positive weights, each quota rounded up."""
    # Fractions, because floats cannot split 10**13 exactly.
    exact = [Fraction(weight) for weight in weights]
    return [-(-token_budget * weight // sum(exact)) for weight in exact]


def link_shards(shards_dir: Path, folder: Path) -> None:
    """Put finished shards into the artifact's folder: as hard links on the same file system, else as copies.

    They stay in the work folder as well, so that a kill before the publication costs nothing.
    """
    for file in (file for file in sorted(shards_dir.rglob("*")) if file.is_file()):
        target = folder / file.relative_to(shards_dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, target)
        except OSError:
            shutil.copyfile(file, target)


def _open_source(config: CorpusConfig, work: Path, opened: ExitStack) -> tuple[list[Group], SourceManifest]:
    """Check the files of an earlier start, and plan the groups."""
    reader = open_reader(config, work / "scratch")
    manifest = SourceManifest(reader.identify, work / "files.json")
    opened.callback(manifest.close)
    manifest.check()
    remove_unverified_copies(work / "scratch", manifest.verified)

    @cache
    def row_groups(path: str) -> Sequence[RowGroup]:
        manifest.open(path)
        return reader.row_groups(path)

    sources = reader.groups()
    quotas = split_budget(config.token_budget, [source.weight for source in sources])
    groups = [
        Group(index, source.name, quota, source.files, row_groups)
        for index, (source, quota) in enumerate(zip(sources, quotas, strict=True))
    ]
    return groups, manifest


def _streams(groups: Sequence[Group], state: ResumeState, prefetcher: Prefetcher) -> list[GroupStream]:
    return [
        GroupStream(group, cursor, prefetcher, counts)
        for group, cursor, counts in zip(groups, state.cursors, state.counts.dumps, strict=True)
    ]
