"""A corpus drawn through the hub's protocol: the folder's documents, bounded waits, and nothing but what is pinned."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tasks.corpus.config import CorpusConfig
from tasks.corpus.errors import CorpusError, SourceChanged, SourceRefused, SourceUnreachable
from tasks.corpus.workers.executors import processes
from tasks.corpus.write.writer import write_corpus
from tasks.store.digests import sha256_of_file
from tests.corpus.conftest import files_of
from tests.corpus.hub_server import API, DATASET, PATHS, RESOLVE, ROOT, STORAGE, TREE, Answer, Hub, refusal
from tests.corpus.sources.test_fineweb import fineweb
from tests.corpus.workers.test_executors import tiktoken_spec

A_LIMIT = refusal(429, message="We had to rate limit your IP", Retry_After="2")
AWAY = refusal(503, message="Service Unavailable")


def of_hub(**settings: Any) -> CorpusConfig:
    return fineweb(ROOT, **settings)


def draw(config: CorpusConfig, folder: Path, open_executor: Any = None) -> dict[str, bytes]:
    folder.mkdir()
    write_corpus(config, folder, open_executor=open_executor)
    return files_of(folder)


def shards(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.startswith(("texts", "tokens", "validation"))}


def test_the_corpus_drawn_through_the_hub_is_the_one_drawn_from_the_folder(
    hub: Hub, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.corpus.write.writer.choose_engine", lambda *arguments: tiktoken_spec())
    settings = {"shard_tokens": 1_024, "validation_share": 0.1}
    expected = draw(fineweb(mirror, **settings), tmp_path / "folder")
    # Two processes of their own, which find the hub by HF_ENDPOINT.
    found = draw(of_hub(**settings), tmp_path / "hub", lambda load: processes(2))
    assert len(shards(found)) > 9
    assert shards(found) == shards(expected)
    files = [file for dump in json.loads(found["ledger.json"])["dumps"] for file in dump["files"]]
    assert [file["path"] for file in files] == [
        f"data/CC-MAIN-{dump}/000_00000.parquet" for dump in ("2013-20", "2017-26")
    ]
    for file in files:
        assert file["digest"] == {"kind": "lfs-sha256", "value": sha256_of_file(mirror / file["path"])}
    assert any(re.fullmatch(r"bytes=\d+-\d+", request.headers.get("Range", "")) for request in hub.requests)


@pytest.mark.parametrize("where", [API, STORAGE])
def test_a_limit_is_waited_out_as_long_as_the_server_asks(hub: Hub, mirror: Path, tmp_path: Path, where: str) -> None:
    hub.instead = [(where, A_LIMIT)]
    assert shards(draw(of_hub(), tmp_path / "hub")) == shards(draw(fineweb(mirror), tmp_path / "folder"))
    first, second = hub.times(where)[:2]
    assert not hub.instead
    assert second - first >= 2


def test_a_limit_in_the_hubs_own_header_is_waited_out(hub: Hub, tmp_path: Path) -> None:
    hub.instead = [(TREE, refusal(429, RateLimit='"api";r=0;t=1'))]
    draw(of_hub(), tmp_path / "hub")
    first, second = hub.times(TREE)[:2]
    assert second - first >= 2


def test_a_limit_of_an_hour_in_the_middle_of_a_file_is_raised_and_not_waited_out(hub: Hub, tmp_path: Path) -> None:
    hub.instead = [(STORAGE, refusal(429, Retry_After="3600"))]
    with pytest.raises(SourceUnreachable, match=r"parquet cannot be read: HTTP 429\. Check the server and the network"):
        draw(of_hub(), tmp_path / "hub")


def test_a_server_that_is_away_for_a_while_and_lines_that_are_cut_change_no_byte(
    hub: Hub, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.corpus.sources.remote.LONGEST_WAIT_SECONDS", 0.1)
    hub.instead = [(API, AWAY), (TREE, AWAY), (RESOLVE, AWAY), (STORAGE, 1_000), (STORAGE, AWAY), (PATHS, AWAY)]
    assert shards(draw(of_hub(), tmp_path / "hub")) == shards(draw(fineweb(mirror), tmp_path / "folder"))
    assert not hub.instead


@pytest.mark.parametrize("where", [TREE, STORAGE])
def test_a_request_without_an_answer_is_repeated(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("tasks.corpus.sources.hub.SILENCE_SECONDS", 0.3)
    hub.instead = [(where, 0.8)]
    draw(of_hub(), tmp_path / "hub")
    assert not hub.instead
    first, second = hub.times(where)[:2]
    assert second - first >= 0.5


def test_a_server_that_stays_away_is_refused_after_eight_requests(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.corpus.sources.remote.LONGEST_WAIT_SECONDS", 0.01)
    hub.instead = [(STORAGE, AWAY)] * 20
    with pytest.raises(SourceUnreachable, match="HTTP 503 Service Unavailable"):
        draw(of_hub(), tmp_path / "hub")
    assert len(hub.times(STORAGE)) == 8


GATED = refusal(403, "GatedRepo", f"Access to dataset {DATASET} is restricted")
NOT_FOUND = refusal(401, "RepoNotFound", "Invalid username or password.")


@pytest.mark.parametrize("where", [API, TREE, RESOLVE, PATHS])
@pytest.mark.parametrize("answer", [GATED, NOT_FOUND])
def test_a_gated_data_set_is_refused_with_the_way_out(hub: Hub, tmp_path: Path, where: str, answer: Answer) -> None:
    hub.instead = [(where, answer)]
    with pytest.raises(SourceRefused, match=rf"HTTP {answer[0]} .* accept the conditions on its page and set HF_TOKEN"):
        draw(of_hub(), tmp_path / "hub")


def test_a_token_is_sent_to_the_hub_and_not_to_its_storage(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    draw(of_hub(), tmp_path / "hub")
    sent = {("/storage/" in request.path, request.headers.get("authorization")) for request in hub.requests}
    assert sent == {(False, "Bearer hf_of_a_test"), (True, None)}


def test_a_commit_that_is_not_there_is_refused_by_name(hub: Hub, tmp_path: Path) -> None:
    hub.commits["datasets"] = "1" * 40
    with pytest.raises(SourceRefused, match=rf"{re.escape(ROOT)} .* has the data set but not this commit"):
        draw(of_hub(), tmp_path / "hub")


def test_another_commit_under_the_pinned_name_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.stated_commit = "2" * 40
    with pytest.raises(SourceChanged, match=rf"pinned at {ROOT[-40:]}, the hub gives 2{{40}} under that name"):
        draw(of_hub(), tmp_path / "hub")


def test_another_commit_named_where_a_file_is_read_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.instead = [(RESOLVE, (302, {"X-Repo-Commit": "2" * 40, "Location": f"{hub.storage}/storage/data"}, b""))]
    hub.instead.append((STORAGE, (206, {}, b"PAR1")))
    with pytest.raises(SourceChanged, match=r"000_00000.parquet is pinned at 9bb295d.*, the hub gives 2{40}"):
        draw(of_hub(), tmp_path / "hub")


def test_another_file_than_the_listed_one_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.stated_sha256 = "3" * 64
    with pytest.raises(
        SourceChanged, match=r"000_00000.parquet has sha256 333333333333 where it is read and [0-9a-f]{12}"
    ):
        draw(of_hub(), tmp_path / "hub")


def test_a_file_whose_digest_changes_under_the_commit_is_refused(
    hub: Hub, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(*folders: Path) -> None:
        with (mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet").open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr("tasks.corpus.write.writer.link_shards", change)
    with pytest.raises(SourceChanged, match=r"CC-MAIN-2013-20/000_00000.parquet has lfs-sha256"):
        draw(of_hub(), tmp_path / "hub")


def test_a_file_that_is_missing_at_the_end_is_refused(
    hub: Hub, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet"
    monkeypatch.setattr("tasks.corpus.write.writer.link_shards", lambda *folders: file.unlink())
    with pytest.raises(SourceChanged, match=r"000_00000.parquet is missing now"):
        draw(of_hub(), tmp_path / "hub")


def test_a_server_without_ranges_is_refused_before_the_whole_file_is_read(hub: Hub, tmp_path: Path) -> None:
    hub.ignores_ranges = True
    with pytest.raises(SourceUnreachable, match=r"cannot be read by ranges: the server answers 200"):
        draw(of_hub(), tmp_path / "hub")


def test_offline_mode_is_refused_at_once(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CorpusError, match=r"HF_HUB_OFFLINE is set\. Unset it"):
        draw(of_hub(), tmp_path / "hub")
    assert not hub.requests
