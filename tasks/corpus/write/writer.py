"""Write a corpus and tell what became of every document read."""

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path

from pydantic import JsonValue

from tasks.corpus.config import CorpusConfig
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.sources.quota import shares
from tasks.corpus.sources.reader import Reader, open_reader
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.tokenize.engine_check import choose_engine
from tasks.corpus.tokenize.hub_tokenizer import compare_with_hub
from tasks.corpus.workers.executors import OpenPool, chosen
from tasks.corpus.workers.prefetch import Supply
from tasks.corpus.workers.work_items import Place, Stratum
from tasks.corpus.workers.worker import Job
from tasks.corpus.write.counts import Census
from tasks.corpus.write.ledger import write_ledger
from tasks.corpus.write.leftovers import begin_anew_if_made_otherwise, remove_unattested, remove_unpacked
from tasks.corpus.write.sampler import Drawing
from tasks.corpus.write.source_manifest import FileBook
from tasks.corpus.write.state import State
from tasks.corpus.write.streams import Stream
from tasks.schemas.tokenizer import load_tokenizer, tokenizer_digest

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


def write_corpus(
    config: CorpusConfig, folder: Path, work: Path | None = None, open_pool: OpenPool | None = None
) -> dict[str, JsonValue]:
    """Leave a TextShards' files in `folder`.

    Args:
        config: Source, cutoff and budget.
        folder: Empty folder.
        work: Where shards are made; with it, a start that was killed is gone on with. It is the caller's to remove.
        open_pool: Who reads; by default what the environment names.

    Returns:
        Facts for the record: counts, days, drops by reason, tokens by period, the tokenizer's digest.

    Raises:
        CorpusError: If the source does not hold what is asked for.
        TokenizerError: If the packaged tokenizer is another one than the hub's.
    """
    with ExitStack() as opened:
        if work is None:
            work = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=folder.parent)))
        for name in ("pieces", "scratch"):
            (work / name).mkdir(parents=True, exist_ok=True)
        reader = open_reader(config, work / "scratch")
        files = FileBook(reader.identify, work / "files.json")
        opened.callback(files.close)
        files.check()
        remove_unpacked(work / "scratch", files.attested)
        strata = _strata(config, reader, files)
        loaded = cache(lambda: load_tokenizer(config.tokenizer))
        pool = opened.enter_context((open_pool or partial(chosen, config.token_budget))(loaded))
        tokenizer = loaded()
        digest = tokenizer_digest(tokenizer)
        compared = compare_with_hub(tokenizer, digest, config.tokenizer)
        pieces = work / "pieces" if pool.shares_folder else None

        def job_with(engine: EngineSpec) -> Job:
            return Job(config, engine, work / "scratch", pieces)

        engine = choose_engine(
            tokenizer,
            digest,
            config.engine,
            config.token_budget,
            work / "scratch",
            lambda spec: pool.prepare(job_with(spec)),
        )
        log.info("corpus: %s tokenizes on %s", engine.kind, pool.name)
        begin_anew_if_made_otherwise(work, engine)
        remove_unattested(work / "pieces", strata, files.attested)
        state, job = State(work, len(strata), Cutoff(config.cutoff, config.side)), job_with(engine)
        drawing = Drawing(config, work, state, tokenizer, engine, files)
        opened.enter_context(_progress(state.census, config.token_budget))
        drawing.run(_streams(strata, state, Supply(pool, job, strata, state.cursors, work / "pieces")))
        hand_over(work / "shards", folder)
        write_ledger(folder, config, strata, state.census, files, state.scan.facts(), digest)
        _attest(folder, config)
    facts = _facts(state.census) | {
        "n_shards": state.n_shards,
        "tokenizer_sha256": digest,
        "engine": engine.kind,
        "runner": pool.name,
        **compared,
    }
    log.info("corpus: %s", " · ".join(f"{name} {count:,}" for name, count in state.census.dropped().items()))
    return facts


def _facts(census: Census) -> dict[str, JsonValue]:
    dropped = census.dropped()
    return {
        "n_documents": census.n_documents,
        "n_tokens": census.n_tokens,
        "n_validation_documents": census.n_validation_documents,
        "n_validation_tokens": census.n_validation_tokens,
        "first_day": min(census.tokens_by_day),
        "last_day": max(census.tokens_by_day),
        "n_read": sum(dump.n_read for dump in census.dumps),
        "dropped": dict(dropped),
        "tokens_by_period": census.tokens_by_period(),
        "n_tokenized_by_both": census.n_compared,
        "n_left_to_transformers": census.n_unsure,
    }


def hand_over(shards: Path, folder: Path) -> None:
    """Put finished shards into the artifact's folder: linked where both lie on one file system, else copied.

    They stay in the work folder as well, so that a kill between here and the publication costs nothing.
    """
    for file in (file for file in sorted(shards.rglob("*")) if file.is_file()):
        target = folder / file.relative_to(shards)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, target)
        except OSError:
            shutil.copyfile(file, target)


def _strata(config: CorpusConfig, reader: Reader, files: FileBook) -> list[Stratum]:
    @cache
    def places(path: str) -> Sequence[Place]:
        files.open(path)
        return reader.places(path)

    wanted = reader.shares()
    quotas = shares(config.token_budget, [share.weight for share in wanted])
    return [
        Stratum(index, share.name, quota, share.files, places)
        for index, (share, quota) in enumerate(zip(wanted, quotas, strict=True))
    ]


def _streams(strata: Sequence[Stratum], state: State, supply: Supply) -> list[Stream]:
    return [
        Stream(stratum, cursor, supply, state.census) for stratum, cursor in zip(strata, state.cursors, strict=True)
    ]


def _attest(folder: Path, config: CorpusConfig) -> None:
    from tasks.corpus.attest import write_statement

    write_statement(folder, config)


@contextmanager
def _progress(census: Census, token_budget: int) -> Iterator[None]:
    """A line every few seconds."""
    ended, started, before = threading.Event(), time.monotonic(), census.n_tokens

    def say() -> None:
        while not ended.wait(PROGRESS_SECONDS):
            rate = (census.n_tokens - before) / (time.monotonic() - started)
            log.info("corpus: %d of %d tokens, %.0f tokens/s", census.n_tokens, token_budget, rate)

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
