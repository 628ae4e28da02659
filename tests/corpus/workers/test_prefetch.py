"""The corpus depends on its config: not on what was read ahead, or on damaged chunks."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tasks.corpus.config import CorpusConfig, FineWebSource
from tasks.corpus.errors import DamagedSource, EmptyCorpus
from tasks.corpus.workers.chunks import chunk_file
from tasks.corpus.workers.executors import ItemExecutor, OpenExecutor, in_process
from tasks.corpus.workers.work_items import WorkItem
from tasks.corpus.workers.worker import Job
from tasks.corpus.write.writer import write_corpus
from tests.corpus.conftest import files_of, write_dump
from tests.corpus.sources.test_fineweb import fineweb
from tests.model_fixtures import qwen

OnRead = Callable[[Job, WorkItem], None]


def nothing(job: Job, item: WorkItem) -> None:
    """Do nothing."""


@contextmanager
def ahead(load: object, n_workers: int = 4, on_read: OnRead = nothing) -> Iterator[ItemExecutor]:
    """An executor that reads ahead as processes do, in this process; calls `on_read` for each item it has read."""
    with in_process(qwen) as inner:

        def submit(job: Job, item: WorkItem) -> Future[bytes | None]:
            done: Future[bytes | None] = Future()
            try:
                done.set_result(inner.submit(job, item).result())
                on_read(job, item)
            except DamagedSource as error:
                done.set_exception(error)
            return done

        yield ItemExecutor("ahead", submit, n_workers, shares_folder=True)


def build(config: CorpusConfig, folder: Path, open_executor: OpenExecutor | None = None) -> dict[str, bytes]:
    folder.mkdir()
    write_corpus(config, folder, open_executor=open_executor or (lambda load: in_process(qwen)))
    return files_of(folder)


@pytest.fixture
def long_documents(tmp_path: Path) -> Path:
    """A dump of two files with six documents of 2,000 tokens each; the first work item is enough for 2,500."""
    texts = ["Markets opened higher on the news and closed lower on the same news. " * 150] * 6
    for name in ("000_00000.parquet", "000_00001.parquet"):
        write_dump(tmp_path / "mirror", "2013-20", ["2013-05-11"] * 6, texts, name)
    return tmp_path / "mirror"


def items_read(config: CorpusConfig, folder: Path, n_workers: int) -> list[WorkItem]:
    read: list[WorkItem] = []
    build(config, folder, partial(ahead, n_workers=n_workers, on_read=lambda job, item: read.append(item)))
    return read


def test_a_damaged_row_group_that_is_only_read_ahead_ends_no_run(long_documents: Path, tmp_path: Path) -> None:
    config = fineweb(long_documents, ("2013-20",), token_budget=2_500)
    drawn, read = (items_read(config, tmp_path / f"{n}", n) for n in (0, 4))
    assert len(drawn) < len(read)
    past = read[len(drawn)]
    group = pq.read_metadata(past.path).row_group(past.row_group.start)
    content = bytearray(Path(past.path).read_bytes())
    for column in (group.column(index) for index in range(group.num_columns)):
        first = column.dictionary_page_offset or column.data_page_offset
        content[first : first + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    Path(past.path).write_bytes(content)
    assert build(config, tmp_path / "ahead", ahead) == build(config, tmp_path / "in_process")
    more = fineweb(long_documents, ("2013-20",), token_budget=9_000)
    for name, executor in (("more-in-process", None), ("more-ahead", ahead)):
        with pytest.raises(DamagedSource, match=r"CC-MAIN-2013-20/000_0000\d.parquet cannot be read as parquet"):
            build(more, tmp_path / name, executor)


def test_a_cut_file_that_is_only_read_ahead_ends_no_run(long_documents: Path, tmp_path: Path) -> None:
    # Three work items to a file: the first is drawn from, and the other file is reached only beyond it.
    config = fineweb(long_documents, ("2013-20",), token_budget=9_000)
    drawn = items_read(config, tmp_path / "drawn", 0)
    (other,) = {*map(str, (long_documents / "data" / "CC-MAIN-2013-20").iterdir())} - {item.path for item in drawn}
    Path(other).write_bytes(Path(other).read_bytes()[:-100])
    assert build(config, tmp_path / "ahead", ahead) == build(config, tmp_path / "in_process")
    with pytest.raises(DamagedSource, match=f"{Path(other).name} cannot be read as parquet"):
        build(fineweb(long_documents, ("2013-20",), token_budget=15_000), tmp_path / "more", ahead)


@pytest.mark.parametrize("pattern", [rb"PK\x03\x04", rb'"n_batches"'], ids=["a batch", "the header"])
def test_a_damaged_chunk_is_rebuilt(mirror: Path, tmp_path: Path, pattern: bytes) -> None:
    read: Counter[str] = Counter()

    def spoil(job: Job, item: WorkItem) -> None:
        read[item.name] += 1
        assert job.chunks_dir is not None
        if read[item.name] == 1:
            file = chunk_file(job.chunks_dir, item)
            file.write_bytes(re.sub(pattern, lambda found: b"?" * len(found[0]), file.read_bytes(), count=1))

    config = fineweb(mirror, shard_tokens=1_024)
    assert build(config, tmp_path / "damaged", partial(ahead, on_read=spoil)) == build(config, tmp_path / "whole")
    assert max(read.values()) == 2


def test_no_more_files_are_open_after_many_items_than_after_few(tmp_path: Path) -> None:
    write_dump(tmp_path / "mirror", "2013-20", ["2013-05-11"] * 300, ["Markets opened higher on the news."] * 300)
    n_open: list[int] = []

    def count(job: Job, item: WorkItem) -> None:
        n_open.append(len([*Path("/proc/self/fd").iterdir()]))

    build(
        fineweb(tmp_path / "mirror", ("2013-20",), token_budget=1_500),
        tmp_path / "corpus",
        partial(ahead, on_read=count),
    )
    assert len(n_open) > 80
    assert max(n_open[20:]) <= max(n_open[:20]) + 3


def test_a_shard_that_is_counted_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(f"word{row}x{place}" for place in range(40)) for row in range(40)]
    write_dump(tmp_path / "mirror", "2013-20", ["2013-05-11"] * 40, texts)
    synced: dict[int, int] = {}
    fsync = os.fsync

    def record(descriptor: int) -> None:
        synced.setdefault(os.fstat(descriptor).st_ino, len(synced))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    (tmp_path / "corpus").mkdir()
    config = fineweb(tmp_path / "mirror", ("2013-20",), validation_share=0.2, deduplicate={})
    write_corpus(config, tmp_path / "corpus", tmp_path / "work")
    work = tmp_path / "work"
    state = synced[(work / "state.json").stat().st_ino]
    counted = [*(work / "shards").rglob("*"), *(work / "signatures").rglob("*"), work / "files.json"]
    assert len(counted) > 10
    assert all(synced[path.stat().st_ino] < state for path in counted)
    assert work.stat().st_ino in synced


def test_an_empty_group_names_what_most_of_it_was_dropped_for(mirror: Path, tmp_path: Path) -> None:
    source = FineWebSource(root=str(mirror), dumps=("2013-20",), language_score=0.95)
    with pytest.raises(EmptyCorpus, match=r"40 of 40 are dropped as low_language_score\. Lower corpus\.source\.langua"):
        build(CorpusConfig(source=source, cutoff="2017-07-02", token_budget=1_000), tmp_path / "scores")
    write_dump(mirror, "2013-20", ["someday"] * 40, ["Markets opened higher."] * 40)
    with pytest.raises(
        EmptyCorpus, match=r"40 of 40 are dropped as unreadable_date\. Its dates must start with an ISO"
    ):
        build(fineweb(mirror, ("2013-20",)), tmp_path / "dates")
