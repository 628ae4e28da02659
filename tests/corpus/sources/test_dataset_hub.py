"""A data set of the hub through its protocol: subset and split, digests, and nothing from outside of the commit."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks.corpus.config import CorpusConfig, DatasetSource
from tasks.corpus.errors import DamagedSource, SourceChanged, SourceRefused, SourceUnreachable
from tasks.corpus.sources.dataset.dataset_reader import DatasetReader
from tasks.corpus.workers.executors import processes
from tasks.corpus.write.writer import write_corpus
from tasks.store.digests import sha256_of_file
from tests.corpus.conftest import files_of
from tests.corpus.hub_server import DATASET, RESOLVE, ROOT, STORAGE, TREE, Hub
from tests.corpus.sources.test_dataset import documents, write_lines
from tests.corpus.sources.test_hub import AWAY, GATED
from tests.corpus.workers.test_executors import tiktoken_spec

CARD = """---
configs:
- config_name: lines
  default: true
  data_files:
  - split: train
    path: lines/*.jsonl
  - split: test
    path: lines/test/*.jsonl.gz
- config_name: more
  data_files: more.jsonl
---
Dated documents.
"""


@pytest.fixture
def repository(hub: Hub, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the hub's data set, in two subsets; no test of them finds a cache of another."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "users-cache")
    shutil.rmtree(mirror / "data")
    (mirror / "lines" / "test").mkdir(parents=True)
    (mirror / "README.md").write_text(CARD)
    write_lines(mirror / "lines" / "a.jsonl", documents(300))
    write_lines(mirror / "lines" / "b.jsonl", documents(300, 300))
    write_lines(mirror / "lines" / "test" / "c.jsonl.gz", documents(10, 600))
    write_lines(mirror / "more.jsonl", documents(1, 610))
    return mirror


def ids(tmp_path: Path, **settings: Any) -> list[str]:
    """Ids of all documents, in the order of files and rows."""
    reader = DatasetReader(DatasetSource(path=ROOT, **settings), 0, tmp_path / "scratch")
    files = sorted(reader.groups()[0].files)
    in_order = [(file, group) for file in files for group in sorted(reader.row_groups(file), key=lambda g: g.ordinal)]
    return [document.id for file, group in in_order for document in reader.documents(file, group)]


def draw(path: str, folder: Path, open_executor: Any = None) -> dict[str, bytes]:
    folder.mkdir()
    config = CorpusConfig(source=DatasetSource(path=path), token_budget=3_000, validation_share=0.1, shard_tokens=1_024)
    write_corpus(config, folder, open_executor=open_executor)
    return files_of(folder)


def test_the_corpus_of_a_split_is_the_one_of_its_files(
    hub: Hub, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.corpus.write.writer.choose_engine", lambda *arguments: tiktoken_spec())
    expected = draw(str(repository / "lines"), tmp_path / "folder")
    # Two processes of their own; they find the copies this one makes.
    found = draw(ROOT, tmp_path / "hub", lambda load: processes(2))
    shards = {path: content for path, content in found.items() if "/" in path}
    assert len(shards) > 9
    assert shards == {path: content for path, content in expected.items() if "/" in path}
    files = json.loads(found["ledger.json"])["dumps"][0]["files"]
    assert files
    for file in files:
        assert file["path"].startswith("lines/")
        assert file["digest"] == {"kind": "lfs-sha256", "value": sha256_of_file(repository / file["path"])}
    assert not (tmp_path / "users-cache").exists()


def test_subset_and_split_are_what_the_card_says(hub: Hub, repository: Path, tmp_path: Path) -> None:
    assert ids(tmp_path) == [f"d{k}" for k in range(600)]
    assert ids(tmp_path, split="test") == [f"d{k}" for k in range(600, 610)]
    assert ids(tmp_path, config_name="more") == ["d610"]


def test_a_separator_is_what_the_card_says(hub: Hub, repository: Path, tmp_path: Path) -> None:
    (repository / "README.md").write_text("---\nconfigs:\n- {config_name: a, data_files: a.csv, sep: ;}\n---\n")
    (repository / "a.csv").write_text("id;date;text\n007;2016-05-04;One, two.\n")
    assert ids(tmp_path) == ["007"]


def test_without_a_card_the_splits_are_in_the_files_names(hub: Hub, repository: Path, tmp_path: Path) -> None:
    for name in ("README.md", "more.jsonl"):
        (repository / name).unlink()
    shutil.rmtree(repository / "lines")
    (repository / "data").mkdir()
    write_lines(repository / "data" / "train-0.jsonl", documents(5))
    write_lines(repository / "data" / "validation-0.jsonl", documents(3, 5))
    assert ids(tmp_path) == ["d0", "d1", "d2", "d3", "d4"]
    assert ids(tmp_path, split="validation") == ["d5", "d6", "d7"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "dev"}, r"has no split 'dev'; it has train, test\. Correct corpus\.source\.split"),
        ({"config_name": "lots"}, r"'lots' not found\. Available: \['lines', 'more'\]\. Correct path or config_name"),
    ],
)
def test_an_unknown_subset_or_split_is_refused_by_those_there_are(
    hub: Hub, repository: Path, tmp_path: Path, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(SourceRefused, match=message):
        ids(tmp_path, **settings)


def test_a_folder_of_the_data_sets_name_is_not_read_instead(
    hub: Hub, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / DATASET).mkdir(parents=True)
    write_lines(tmp_path / DATASET / "more.jsonl", documents(1, 700))
    monkeypatch.chdir(tmp_path)
    assert ids(tmp_path, config_name="more") == ["d610"]


def test_code_in_the_repository_is_not_run(hub: Hub, repository: Path, tmp_path: Path) -> None:
    (repository / "fineweb.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(SourceRefused, match=r"Dataset scripts are no longer supported, but found fineweb\.py"):
        ids(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            f"{ROOT.partition('@')[0]}@main/more.jsonl",
            r"names a file outside of its pinned commit: .*@main/more\.jsonl",
        ),
        ("hf://datasets/a/other@main/more.jsonl", r"Data files don't belong to HuggingFaceFW/fineweb"),
        ("{storage}/storage/more.jsonl", r"Data files don't belong to HuggingFaceFW/fineweb"),
    ],
)
def test_a_card_that_names_files_outside_of_the_commit_is_refused(
    hub: Hub, repository: Path, tmp_path: Path, path: str, message: str
) -> None:
    (repository / "README.md").write_text(
        f"---\nconfigs:\n- {{config_name: a, data_files: '{path.format(storage=hub.storage)}'}}\n---\n"
    )
    with pytest.raises(SourceRefused, match=message):
        ids(tmp_path)


def test_options_of_json_that_would_not_be_followed_are_refused(hub: Hub, repository: Path, tmp_path: Path) -> None:
    (repository / "README.md").write_text("---\nconfigs:\n- {config_name: a, data_files: more.jsonl, field: d}\n---\n")
    with pytest.raises(SourceRefused, match=r"sets field for its JSON, which is read as a document per line"):
        ids(tmp_path)


def test_a_bad_row_is_named_by_its_file_on_the_hub(hub: Hub, repository: Path, tmp_path: Path) -> None:
    write_lines(repository / "lines" / "b.jsonl", [*documents(2), "{"])
    with pytest.raises(DamagedSource, match=rf"{re.escape(ROOT)}/lines/b\.jsonl, line 3, is not JSON"):
        ids(tmp_path)
    assert files_of(tmp_path / "scratch").keys() == {
        name for name in files_of(tmp_path / "scratch") if "a.jsonl" in name
    }


def test_other_bytes_than_the_hub_states_are_refused(
    hub: Hub, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (repository / "lines" / "a.jsonl").read_bytes()
    hub.instead = [(rf"{STORAGE[1:]}lines/a", (206, {}, content.replace(b"little", b"plenty")))]
    with pytest.raises(SourceChanged, match=r"lines/a\.jsonl was received with sha256 [0-9a-f]{12}, the hub states"):
        ids(tmp_path)
    assert not hub.instead


def test_another_commit_and_a_gated_data_set_are_refused(hub: Hub, repository: Path, tmp_path: Path) -> None:
    hub.stated_commit = "2" * 40
    with pytest.raises(SourceChanged, match=rf"pinned at {ROOT[-40:]}, the hub gives 2{{40}} under that name"):
        ids(tmp_path)
    hub.stated_commit = None
    restricted = r"HTTP 403 .* accept the conditions on its page and set HF_TOKEN"
    for where, message in (
        (r"/revision/", restricted),
        (r"/resolve/.*README", r"is a gated dataset on the Hub.* fetch the files and give them there"),
        (r"resolve/.*lines/a", restricted),
    ):
        hub.instead = [(where, GATED)]
        with pytest.raises(SourceRefused, match=message):
            ids(tmp_path)
        assert not hub.instead


def test_a_server_that_is_away_for_a_while_changes_no_document(
    hub: Hub, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.corpus.sources.remote.LONGEST_WAIT_SECONDS", 0.1)
    hub.instead = [(r"/revision/", AWAY), (TREE, AWAY), (r"resolve/.*lines/a", AWAY), (STORAGE, 1_000), (RESOLVE, AWAY)]
    assert ids(tmp_path) == [f"d{k}" for k in range(600)]
    assert not hub.instead


def test_offline_mode_is_refused_at_once(
    hub: Hub, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SourceUnreachable, match=r"HF_HUB_OFFLINE is set\. Unset it"):
        ids(tmp_path)
    assert not hub.requests
