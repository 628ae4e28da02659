"""The packaged tokenizer is compared with the hub's file: by ids, once, and not at all without the hub."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tasks.corpus.config import CorpusConfig, SotuSource
from tasks.corpus.tokenize.hub_tokenizer import compare_with_hub
from tasks.corpus.write.writer import write_corpus
from tasks.schemas.tokenizer import HubTokenizer, QwenTokenizer, TokenizerError
from tests.corpus.conftest import qwen_digest
from tests.corpus.hub_server import MODEL, STORAGE, Answer, Hub, refusal
from tests.model_fixtures import qwen

FILE_OF_MODEL = rf"^/{MODEL}/resolve/"


@cache
def packaged() -> str:
    return qwen().backend_tokenizer.to_str()


def put(hub: Hub, change: Callable[[Any], Any] = lambda content: None) -> None:
    """Give the hub the packaged tokenizer, changed."""
    content = json.loads(packaged())
    change(content)
    (hub.folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False))


def compare() -> dict[str, Any]:
    return compare_with_hub(qwen(), qwen_digest(), QwenTokenizer())


def as_the_hub_writes_it(content: Any) -> None:
    """Flags and limits that decide no id of a text."""
    for token in content["added_tokens"][14:]:
        token["special"] = False
    content["pre_tokenizer"]["pretokenizers"][1]["trim_offsets"] = False
    content["truncation"] = {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}


def test_a_file_of_other_bytes_and_the_same_ids_is_equal_and_fetched_once(hub: Hub) -> None:
    put(hub, as_the_hub_writes_it)
    first = compare()
    assert first["tokenizer_compared_with_hub"] == "same ids"
    assert len(first["hub_tokenizer_sha256"]) == 64 != qwen_digest()
    assert len(hub.times(STORAGE)) == 1
    n_requests = len(hub.requests)
    assert compare() == first
    assert [request.method for request in hub.requests[n_requests:]] == ["HEAD"]


def swap_two_tokens(content: Any) -> None:
    ids = content["model"]["vocab"]
    ids["Ġthe"], ids["Ġof"] = ids["Ġof"], ids["Ġthe"]


def leave_text_as_it_is(content: Any) -> None:
    content["normalizer"] = None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (swap_two_tokens, r"the first that differs is 'Ġ(the|of)', \d+ here and \d+ there"),
        (leave_text_as_it_is, r"gives other ids of .* than Qwen/Qwen3.5-35B-A3B-Base at 0f0813072d23"),
    ],
)
def test_a_file_that_makes_other_ids_is_refused(hub: Hub, change: Callable[[Any], Any], sentence: str) -> None:
    put(hub, change)
    with pytest.raises(TokenizerError, match=rf"{sentence}.* Set corpus\.tokenizer to {{kind: hub}}"):
        compare()


def test_a_file_that_is_not_a_tokenizer_is_refused(hub: Hub) -> None:
    (hub.folder / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError, match="cannot be read as a tokenizer"):
        compare()


def test_another_commit_under_the_pinned_name_is_refused(hub: Hub) -> None:
    (hub.folder / "tokenizer.json").write_text("{}")
    hub.stated_commit = "2" * 40
    with pytest.raises(TokenizerError, match=r"is pinned at 0f0813.*, the hub gives 2{40} under that name"):
        compare()


def test_a_file_that_does_not_hash_to_what_the_hub_states_is_refused(hub: Hub) -> None:
    (hub.folder / "tokenizer.json").write_text("{}")
    hub.stated_sha256 = "3" * 64
    with pytest.raises(TokenizerError, match=r"tokenizer.json hashes to 44136fa355b3, the hub states 333333333333"):
        compare()


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        (refusal(503, message="Service Unavailable"), "HTTP 503 Service Unavailable"),
        (refusal(429, Retry_After="3600"), "HTTP 429"),
        (refusal(404, "EntryNotFound"), "HTTP 404"),
        (1.0, "ReadTimeout: timed out"),
    ],
)
def test_a_hub_that_does_not_answer_is_recorded_and_stops_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, instead: Answer | float, reason: str
) -> None:
    monkeypatch.setattr("tasks.corpus.tokenize.hub_tokenizer.ANSWER_SECONDS", 0.3)
    hub.instead = [(FILE_OF_MODEL, instead)]
    assert compare() == {"tokenizer_compared_with_hub": f"not reached: {reason}", "hub_tokenizer_sha256": None}
    assert len(hub.requests) == 1


def test_offline_the_record_holds_that_nothing_was_compared_and_no_request_is_sent(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "corpus").mkdir()
    config = CorpusConfig(source=SotuSource(), cutoff="1830-12-31", token_budget=20_000)
    facts = write_corpus(config, tmp_path / "corpus")
    assert str(facts["tokenizer_compared_with_hub"]).startswith("not reached: OfflineModeIsEnabled")
    assert facts["hub_tokenizer_sha256"] is None
    assert not hub.requests


def test_the_hubs_own_tokenizer_is_compared_with_nothing(hub: Hub) -> None:
    assert compare_with_hub(qwen(), qwen_digest(), HubTokenizer())["tokenizer_compared_with_hub"] == "is the hub's"
    assert not hub.requests
