"""The corpus flow on Dask, through Prefect's task runner, gives what a run without a server gives."""

from pathlib import Path

import pytest
from prefect.testing.utilities import prefect_test_harness
from prefect_dask import DaskTaskRunner

from tasks.common.settings import state_dir
from tasks.corpus.task import corpus_task_runner, publish_corpus
from tasks.schemas.artifacts import TextShards
from tasks.store.store import open_store
from tests.corpus.conftest import files_of
from tests.corpus.sources.test_fineweb import fineweb
from tests.corpus.workers.test_executors import tiktoken_spec
from tests.waiting import GENEROUS_SECONDS


@pytest.mark.slow
def test_the_flow_on_two_dask_workers_publishes_the_bytes_of_a_run_without_a_server(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import flow

    monkeypatch.setattr("tasks.corpus.write.writer.choose_engine", lambda *arguments: tiktoken_spec())
    config = fineweb(mirror, shard_tokens=1_024, validation_share=0.1)
    expected = files_of(open_store().fetch(publish_corpus.fn(config)))
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "other"))
    monkeypatch.setenv("HINDSIGHT_CORPUS_RUNNER", "dask:local:2")
    runner = corpus_task_runner()
    assert isinstance(runner, DaskTaskRunner)
    with prefect_test_harness(server_startup_timeout=GENEROUS_SECONDS):
        ref = flow(publish_corpus.fn, name="corpus", task_runner=runner, validate_parameters=False)(config)
    folder = open_store().fetch(ref)
    assert files_of(folder) == expected
    assert open_store().record(ref).facts["runner"] == "dask, 2 threads"
    assert TextShards(folder).ledger()["n_documents"] > 0
    assert not list((state_dir() / "work").iterdir())


def test_without_dask_the_flow_has_prefects_own_runner() -> None:
    assert not isinstance(corpus_task_runner(), DaskTaskRunner)
