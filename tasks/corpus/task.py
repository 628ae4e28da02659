"""The corpus room's Prefect task, and where its units are read."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import JsonValue

from tasks.common.settings import state_dir
from tasks.corpus.config import ARTIFACT_TYPE, CorpusConfig
from tasks.provenance.statement import STATEMENT_NAME
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="corpus", cache_policy=NO_CACHE)
def publish_corpus(config: CorpusConfig) -> ArtifactRef:
    """Publish the corpus, unless the store has it.

    Args:
        config: Source, cutoff, budget and tokenizer.

    Returns:
        Reference to TextShards.
    """
    from tasks.corpus.attest import refuse_unusable_key, sign
    from tasks.corpus.write.writer import write_corpus

    spec = ARTIFACT_TYPE.spec(config)
    # Kept when a run dies, so that the next one goes on from the last shard; gone once the corpus is published.
    work = state_dir() / "work" / f"corpus-{spec.key}"

    def make(inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
        refuse_unusable_key()
        facts = write_corpus(config, folder, work, lambda load: _pool(config, load))
        return facts | {"signature": sign(folder / STATEMENT_NAME)}

    published = build(open_store(), spec, make)
    shutil.rmtree(work, ignore_errors=True)
    return published


def corpus_task_runner() -> TaskRunner[Any]:
    """The corpus flow's task runner: Dask's where the environment asks for it.

    Processes of one machine are started by the one task instead: a unit is read in a fraction of a second, of which a
    task run of its own would be the larger part.
    """
    from tasks.corpus.workers.executors import asks_for_dask

    where = asks_for_dask()
    if where is None:
        return ThreadPoolTaskRunner(max_workers=1)
    from prefect_dask.task_runners import DaskTaskRunner

    if where.startswith("local"):
        n_workers = int(where.partition(":")[2] or 2)
        cluster = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": None}
        return DaskTaskRunner(cluster_class="distributed.LocalCluster", cluster_kwargs=cluster)
    return DaskTaskRunner(address=where)


@contextmanager
def _pool(config: CorpusConfig, load: Callable[[], Any]) -> Iterator[Any]:
    from tasks.corpus.workers.executors import chosen, of_client

    context = FlowRunContext.get()
    client = getattr(context.task_runner, "client", None) if context else None
    if client is not None:
        # The cluster is the flow's; units go to it as plain calls.
        yield of_client(client)
        return
    with chosen(config.token_budget, load) as pool:
        yield pool
