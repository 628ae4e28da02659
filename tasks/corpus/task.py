"""The corpus stage's Prefect task, and its task runner."""

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
    from tasks.corpus.attest import check_signing_key, sign
    from tasks.corpus.write.writer import write_corpus

    spec = ARTIFACT_TYPE.spec(config)
    # Kept if the run dies, so that the next one resumes at the last shard; removed once the corpus is published.
    work = state_dir() / "work" / f"corpus-{spec.key}"

    def make(inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
        check_signing_key()
        facts = write_corpus(config, folder, work, lambda load: _executor(config, load))
        return facts | {"signature": sign(folder / STATEMENT_NAME)}

    published = build(open_store(), spec, make)
    shutil.rmtree(work, ignore_errors=True)
    return published


def corpus_task_runner() -> TaskRunner[Any]:
    """The corpus flow's task runner: Dask's if the environment asks for it.

    Processes of one machine are started by the one task instead: a work item is read in a fraction of a second, less
    than a task run of its own would take.
    """
    from tasks.corpus.workers.executors import dask_address, import_dask, local_cluster_options

    address = dask_address()
    if address is None:
        return ThreadPoolTaskRunner(max_workers=1)
    options: dict[str, Any] = {"address": address}
    if address.startswith("local"):
        options = {"cluster_class": "distributed.LocalCluster", "cluster_kwargs": local_cluster_options(address)}
    runner: TaskRunner[Any] = import_dask("prefect_dask.task_runners").DaskTaskRunner(**options)
    return runner


@contextmanager
def _executor(config: CorpusConfig, load: Callable[[], Any]) -> Iterator[Any]:
    from tasks.corpus.workers.executors import configured, dask_client

    context = FlowRunContext.get()
    client = getattr(context.task_runner, "client", None) if context else None
    if client is not None:
        # The flow's own cluster; work items go to it as plain calls.
        yield dask_client(client)
        return
    with configured(config.token_budget, load) as executor:
        yield executor
