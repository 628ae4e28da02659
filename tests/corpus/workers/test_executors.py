"""The executor and its number of workers change no byte, and little more is read than is drawn."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil
import pytest

from tasks.corpus.config import CorpusConfig
from tasks.corpus.errors import DamagedSource, DaskMissing, UnknownRunner, WorkerLost
from tasks.corpus.sources.reader import RowGroup
from tasks.corpus.task import corpus_task_runner
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.tokenize.engine_check import choose_engine
from tasks.corpus.workers.executors import ItemExecutor, configured, dask, in_process, processes
from tasks.corpus.workers.work_items import WorkItem
from tasks.corpus.write.writer import write_corpus
from tests.corpus.conftest import files_of, qwen_digest, spoil, write_dump
from tests.corpus.sources.test_fineweb import fineweb
from tests.model_fixtures import qwen, scratch_folder


@pytest.fixture
def quick_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes take the vocabulary from a file: loading transformers' tokenizer takes them longer."""
    monkeypatch.setattr("tasks.corpus.write.writer.choose_engine", lambda *arguments: tiktoken_spec())


@cache
def tiktoken_spec() -> EngineSpec:
    return choose_engine(qwen(), qwen_digest(), "auto", 10**9, scratch_folder("engine"))


def build(config: CorpusConfig, folder: Path, open_executor=None) -> dict[str, bytes]:
    folder.mkdir()
    facts = write_corpus(config, folder, open_executor=open_executor)
    assert facts["engine"] == "tiktoken"
    return files_of(folder)


def test_one_process_or_two_or_this_one_change_no_byte(mirror: Path, tmp_path: Path, quick_engine: None) -> None:
    config = fineweb(mirror, shard_tokens=1_024, validation_share=0.1)
    expected = build(config, tmp_path / "in_process", in_process)
    assert build(config, tmp_path / "one", lambda load: processes(1)) == expected
    assert build(config, tmp_path / "two", lambda load: processes(2)) == expected


@pytest.mark.slow
def test_dask_without_prefect_changes_no_byte(mirror: Path, tmp_path: Path, quick_engine: None) -> None:
    config = fineweb(mirror, shard_tokens=1_024, validation_share=0.1)
    expected = build(config, tmp_path / "in_process", in_process)
    assert build(config, tmp_path / "dask", lambda load: dask("local:2")) == expected


@pytest.mark.parametrize("module", ["distributed", "prefect_dask.task_runners"])
def test_without_the_extra_dask_a_runner_that_needs_it_names_the_extra(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("HINDSIGHT_CORPUS_RUNNER", "dask:local:2")
    message = (
        rf"HINDSIGHT_CORPUS_RUNNER='dask:local:2' needs the extra `dask`, and {module} cannot be imported .*\. "
        r'`make install` installs it, `pip install "WHEEL\[dask\]"` beside a wheel; or set .*=processes\.'
    )
    with pytest.raises(DaskMissing, match=message):
        corpus_task_runner() if module.startswith("prefect") else configured(10).__enter__()
    monkeypatch.delenv("HINDSIGHT_CORPUS_RUNNER")
    with configured(10) as executor:
        assert executor.name == "in_process"


def test_the_faster_tokenizer_changes_no_byte(mirror: Path, tmp_path: Path, quick_engine: None) -> None:
    config = fineweb(mirror)
    expected = build(config, tmp_path / "tiktoken")
    (tmp_path / "transformers").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tasks.corpus.write.writer.choose_engine", lambda *_: EngineSpec("transformers", qwen_digest()))
        facts = write_corpus(config, tmp_path / "transformers")
    assert facts["engine"] == "transformers"
    assert files_of(tmp_path / "transformers") == expected


def test_an_error_in_a_process_reaches_the_run(mirror: Path, tmp_path: Path, quick_engine: None) -> None:
    spoil(mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet")
    with pytest.raises(DamagedSource, match=r"CC-MAIN-2013-20/000_00000.parquet cannot be read as parquet"):
        build(fineweb(mirror), tmp_path / "corpus", lambda load: processes(1))


def test_a_lost_process_is_reported(mirror: Path, tmp_path: Path, quick_engine: None) -> None:
    @contextmanager
    def killed(load) -> Iterator[ItemExecutor]:
        with processes(1) as executor:
            # As the kernel does when memory runs out. A child that is just starting still looks like its parent.
            while not (children := [one for one in psutil.Process().children() if "spawn_main" in str(one.cmdline())]):
                time.sleep(0.01)
            for child in children:
                child.kill()
            yield executor

    with pytest.raises(WorkerLost, match=r"finished work is kept\. Start the run again, with fewer processes"):
        build(fineweb(mirror), tmp_path / "corpus", killed)


def test_no_more_is_read_ahead_than_the_quotas_need(tmp_path: Path) -> None:
    root, read = tmp_path / "mirror", []
    for dump in ("2013-20", "2014-10", "2017-26"):
        write_dump(root, dump, ["2013-05-11"] * 400, ["Markets opened higher on the news. " * 40] * 400)

    class Recording:
        def __enter__(self) -> ItemExecutor:
            self.inner = in_process(qwen)
            executor = self.inner.__enter__()
            return ItemExecutor("recording", lambda job, item: read.append(item) or executor.submit(job, item), 4, True)

        def __exit__(self, *raised: object) -> None:
            self.inner.__exit__(*raised)

    (tmp_path / "corpus").mkdir()
    config = fineweb(root, ("2013-20", "2014-10", "2017-26"), token_budget=30_000)
    facts = write_corpus(config, tmp_path / "corpus", open_executor=lambda load: Recording())
    # Two documents per work item; the length of a dump's documents is unknown before its first item is read.
    assert facts["n_documents"] / 2 <= len(read) <= facts["n_documents"] / 2 + 3 * 2
    assert len(read) < 600 / 2


def test_work_items_have_distinct_names() -> None:
    names = {WorkItem(group, number, "x", RowGroup(0, 0, 1)).name for group in range(3) for number in range(3)}
    assert len(names) == 9


def test_the_environment_names_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_CORPUS_RUNNER", "processes:3")
    with configured(1_000) as executor:
        assert executor.n_workers == 3
    monkeypatch.setenv("HINDSIGHT_CORPUS_RUNNER", "threads")
    with pytest.raises(UnknownRunner, match=r"'threads' is not a runner; set in_process, processes, processes:4"):
        configured(1_000).__enter__()
    monkeypatch.setenv("HINDSIGHT_CORPUS_RUNNER", "here")
    with pytest.raises(UnknownRunner, match=r"'here' has been renamed; set HINDSIGHT_CORPUS_RUNNER=in_process"):
        configured(1_000).__enter__()
    monkeypatch.delenv("HINDSIGHT_CORPUS_RUNNER")
    with configured(120_000) as executor:
        assert executor.name == "in_process"
