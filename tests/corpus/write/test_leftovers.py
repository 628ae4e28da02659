"""Nothing a killed start left is used if other settings made it or its file changed."""

import gzip
import json
import logging
import os
import signal
import time
from pathlib import Path

import pytest

from tasks.corpus.config import CorpusConfig, DatasetSource
from tasks.corpus.sources.reader import SourceFile
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.write.leftovers import discard_if_engine_changed
from tasks.corpus.write.source_manifest import SourceManifest
from tasks.corpus.write.writer import write_corpus
from tests.corpus.conftest import files_of, qwen_digest, write_dump
from tests.corpus.sources.test_fineweb import fineweb
from tests.corpus.workers.test_executors import tiktoken_spec
from tests.corpus.write.test_resume import start
from tests.model_fixtures import qwen


def build(config: CorpusConfig, folder: Path, work: Path | None = None) -> dict[str, bytes]:
    folder.mkdir()
    write_corpus(config, folder, work)
    return files_of(folder)


def killed_before_files_are_written_down(config: CorpusConfig, tmp_path: Path) -> Path:
    """A work folder with chunks of files that were not identified."""
    qwen()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SourceManifest, "save", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        assert start(config, tmp_path / "killed", tmp_path / "work", 10**9)
    assert not (tmp_path / "work" / "files.json").exists()
    assert list((tmp_path / "work" / "chunks").glob("*.chunk"))
    return tmp_path / "work"


def test_another_engine_starts_from_scratch(mirror: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    qwen()
    config = fineweb(mirror, shard_tokens=1_024)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tasks.corpus.write.writer.choose_engine", lambda *_: tiktoken_spec())
        patched.setattr("tasks.corpus.write.writer.link_shards", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        assert start(config, tmp_path / "killed", tmp_path / "work", 10**9)
    state = json.loads((tmp_path / "work" / "state.json").read_text())
    assert state["counts"]["n_compared"] == 1
    (tmp_path / "work" / "shards" / "texts" / "00000.jsonl").write_text("made by the other engine")
    (tmp_path / "resumed").mkdir()
    with caplog.at_level(logging.WARNING):
        facts = write_corpus(config, tmp_path / "resumed", tmp_path / "work")
    assert (facts["engine"], facts["n_tokenized_by_both"]) == ("transformers", 0)
    assert "what tiktoken, tokenizer" in caplog.text
    assert files_of(tmp_path / "resumed") == build(config, tmp_path / "whole")


@pytest.mark.parametrize("page", [None, '{"engine": "transformers", "tokenizer_sha256": "another"}'])
def test_nothing_another_tokenizer_made_is_kept(tmp_path: Path, page: str | None) -> None:
    for name in ("chunks/000-0000000.chunk", "signatures/00001.npy", "shards/texts/00000.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    for name in ("state.json", "files.json"):
        (tmp_path / name).touch()
    if page:
        (tmp_path / "made-by.json").write_text(page)
    discard_if_engine_changed(tmp_path, EngineSpec("transformers", qwen_digest()))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["chunks", "made-by.json"]
    (tmp_path / "chunks" / "000-0000000.chunk").touch()
    discard_if_engine_changed(tmp_path, EngineSpec("transformers", qwen_digest()))
    assert (tmp_path / "chunks" / "000-0000000.chunk").exists()


def test_chunks_of_an_unidentified_file_are_rebuilt(mirror: Path, tmp_path: Path) -> None:
    config = fineweb(mirror, shard_tokens=1_024)
    work = killed_before_files_are_written_down(config, tmp_path)
    write_dump(mirror, "2013-20", ["2013-05-11"] * 40, ["Another text of the same dump. " * 20] * 40)
    assert build(config, tmp_path / "resumed", work) == build(config, tmp_path / "whole")


def test_a_file_copied_by_a_killed_start_is_copied_a_second_time(tmp_path: Path) -> None:
    def write(word: str) -> Path:
        lines = [
            json.dumps({"id": f"d{row}", "date": "2016-05-04", "text": f"{word} {row} says little."})
            for row in range(700)
        ]
        (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
        return tmp_path / "a.jsonl.gz"

    config = CorpusConfig(source=DatasetSource(path=str(write("Document"))), token_budget=4_000, shard_tokens=1_024)
    work = killed_before_files_are_written_down(config, tmp_path)
    assert [file.suffix for file in (work / "scratch").iterdir()] == [".arrow"]
    # As a kill in the middle of a copy leaves it.
    (work / "scratch" / "tmpxyz").mkdir()
    (work / "scratch" / "tmpxyz" / "a.arrow").touch()
    write("Letter")
    assert build(config, tmp_path / "resumed", work) == build(config, tmp_path / "whole")
    assert [file.suffix for file in (work / "scratch").iterdir()] == [".arrow"]


def test_files_of_which_something_was_drawn_are_written_down_with_the_shard(tmp_path: Path) -> None:
    def identify(path: str, known: SourceFile | None) -> SourceFile:
        time.sleep(0.2)
        if path == "unreachable":
            raise ConnectionError(path)
        return SourceFile(path, 1, "sha256", "0")

    book = SourceManifest(identify, tmp_path / "files.json")
    for path in ("unreachable", "drawn", "ahead"):
        book.open(path)
    book.save(["drawn"])
    book.close()
    assert "drawn" in json.loads((tmp_path / "files.json").read_text())
