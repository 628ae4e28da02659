"""A corpus killed at any point and resumed has the same bytes; a source that changed in between is refused."""

import json
import multiprocessing
import os
import random
import signal
import sys
from datetime import date
from pathlib import Path

import pytest

from tasks.common.duplicates.config import Deduplicate
from tasks.corpus.config import CorpusConfig
from tasks.corpus.errors import SourceChanged
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.write.state import ResumeState
from tasks.corpus.write.writer import write_corpus
from tests.corpus.conftest import files_of, write_dump
from tests.corpus.sources.test_fineweb import fineweb
from tests.model_fixtures import qwen

TOUCHES = ("open", "os.rename", "os.remove", "os.link")


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    """Two dumps of two files with thirty documents each; every sixth repeats one of the same file."""
    rng, root = random.Random(0), tmp_path / "varied"  # noqa: S311
    for dump, day in (("2013-20", "2013-05-11"), ("2017-26", "2017-06-23")):
        for name in ("000_00000.parquet", "000_00001.parquet"):
            texts = [" ".join(f"word{rng.randrange(10**4)}" for _ in range(60)) for _ in range(30)]
            texts[5::6] = texts[4::6]
            write_dump(root, dump, [day] * 30, texts, name)
    return root


def several_shards(mirror: Path) -> CorpusConfig:
    return fineweb(mirror, token_budget=9_000, shard_tokens=1_024, validation_share=0.2, deduplicate=Deduplicate())


def build_and_die(config: CorpusConfig, folder: Path, work: Path, touches: int) -> None:
    """Build, and be killed when files have been touched so many times."""
    left = [touches]

    def count(event: str, arguments: tuple[object, ...]) -> None:
        if event in TOUCHES and str(arguments[0]).startswith(str(folder.parent)):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    folder.mkdir()
    write_corpus(config, folder, work)
    os._exit(0)


def start(config: CorpusConfig, folder: Path, work: Path, touches: int) -> bool:
    """Whether it was killed before it was done."""
    # Forked: the tokenizer is there already, and loading it takes longer than the corpus.
    process = multiprocessing.get_context("fork").Process(target=build_and_die, args=(config, folder, work, touches))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.mark.parametrize("seed", [0, 1])
def test_kills_at_any_point_change_no_byte(varied: Path, tmp_path: Path, seed: int) -> None:
    qwen()
    config = several_shards(varied)
    (tmp_path / "whole").mkdir()
    facts = write_corpus(config, tmp_path / "whole")
    assert facts["n_shards"] > 4
    assert facts["n_validation_documents"] > 3
    assert facts["dropped"]["near_duplicate"] > 3
    rng = random.Random(seed)  # noqa: S311
    # Each start resumes where the one before was killed, and is killed as well.
    touches = [rng.randint(1, 120) for _ in range(12)]
    killed = [start(config, tmp_path / f"{n}-{touch}", tmp_path / "work", touch) for n, touch in enumerate(touches)]
    assert sum(killed) > 5
    assert any((tmp_path / "work" / "shards" / "texts").glob("0*.jsonl"))
    (tmp_path / "resumed").mkdir()
    write_corpus(config, tmp_path / "resumed", tmp_path / "work")
    assert files_of(tmp_path / "resumed") == files_of(tmp_path / "whole")


def test_a_kill_after_the_last_shard_costs_nothing_and_changes_no_byte(varied: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    write_corpus(several_shards(varied), tmp_path / "one", tmp_path / "work")
    write_corpus(several_shards(varied), tmp_path / "two", tmp_path / "work")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_file_that_changed_between_two_starts_is_refused(varied: Path, tmp_path: Path) -> None:
    config = several_shards(varied)
    assert start(config, tmp_path / "killed", tmp_path / "work", 150)
    assert (tmp_path / "work" / "files.json").exists()
    write_dump(varied, "2017-26", ["2017-06-23"] * 40, ["Another text of the same dump."] * 40)
    (tmp_path / "resumed").mkdir()
    with pytest.raises(SourceChanged, match=r"CC-MAIN-2017-26/000_00000.parquet has sha256 .* Put the old file back"):
        write_corpus(config, tmp_path / "resumed", tmp_path / "work")


def test_a_file_that_changes_while_it_is_read_is_refused(mirror: Path, tmp_path: Path, monkeypatch) -> None:
    def change_and_link(shards: Path, folder: Path) -> None:
        write_dump(mirror, "2013-20", ["2013-05-01"] * 40, ["Changed under the reader."] * 40)

    monkeypatch.setattr("tasks.corpus.write.writer.link_shards", change_and_link)
    (tmp_path / "corpus").mkdir()
    with pytest.raises(SourceChanged, match=r"CC-MAIN-2013-20/000_00000.parquet has sha256"):
        write_corpus(fineweb(mirror), tmp_path / "corpus")


def test_the_state_of_older_code_is_resumed(tmp_path: Path) -> None:
    state = ResumeState(tmp_path, 1, Cutoff(date(2017, 7, 2)))
    state.counts.add_training(0, date(2016, 5, 4), 7)
    state.save(1, 0)
    saved = json.loads((tmp_path / "state.json").read_text())
    saved["under another key"] = saved.pop("counts")
    (tmp_path / "state.json").write_text(json.dumps(saved))
    assert ResumeState(tmp_path, 1, Cutoff(date(2017, 7, 2))).counts == state.counts
