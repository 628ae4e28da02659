"""The HTTP surface: OpenAI's fields, the version of each answer, bounds, and nothing of a prompt in logs."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tasks.serve.api import VERSION_HEADER, make_app
from tasks.serve.config import ServeConfig
from tasks.serve.follow import Follower, load_production
from tasks.serve.worker import Worker
from tasks.store.store import Store, open_store
from tasks.versions import moves
from tests.serve.small_line import LINE, N_NEW, PROMPT, WHY, adapter_folder, add_version, expected_answer, publish_base

TOKEN = "a-token-of-the-test"
ASK = {"prompt": PROMPT, "max_tokens": N_NEW}


class Served:
    """A served line."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.worker = Worker(load_production(store, LINE), 64)
        self.follower = Follower(store, LINE, self.worker, 3_600)
        self.follower.start()
        config = ServeConfig(max_body_bytes=5_000, max_new_tokens=64, max_prompt_tokens=200)
        self.client = TestClient(make_app(LINE, self.worker, self.follower, config, TOKEN))
        self.client.headers["authorization"] = f"Bearer {TOKEN}"

    def complete(self, **fields: Any) -> dict[str, Any]:
        found = self.client.post("/v1/completions", json=ASK | fields)
        assert found.status_code == 200, found.text
        return found.json() | {"version": found.headers[VERSION_HEADER]}

    def text(self, seed: int) -> str:
        ids = [token for token in expected_answer(seed) if token not in self.worker.model.end_tokens]
        return str(self.worker.model.tokenizer.decode(ids))


@pytest.fixture
def served(own_state: Path) -> Iterator[Served]:
    store = open_store()
    for number in (1, 2):
        add_version(store, number, adapter_folder(number))
    moves.promote(store, LINE, "v1", **WHY)
    found = Served(store)
    yield found
    found.follower.stop()
    found.worker.stop()


def test_an_answer_names_its_version_and_follows_a_promotion_and_a_rollback(served: Served) -> None:
    first = served.complete()
    assert (first["version"], first["choices"][0]["text"]) == ("v1", served.text(1))
    moves.promote(served.store, LINE, "v2", **WHY)
    served.follower.look()
    second = served.complete()
    assert (second["version"], second["choices"][0]["text"]) == ("v2", served.text(2))
    assert second["system_fingerprint"] != first["system_fingerprint"]
    moves.roll_back(served.store, LINE, **WHY)
    served.follower.look()
    assert served.complete()["choices"] == first["choices"]
    assert served.client.get("/health").json() == {"status": "ok", "version": "v1", "problem": ""}


def test_a_version_that_cannot_be_served_leaves_the_earlier_one_and_is_said(served: Served) -> None:
    add_version(served.store, 3, adapter_folder(3), publish_base(served.store, 7))
    moves.promote(served.store, LINE, "v3", **WHY)
    for _ in range(3):
        served.follower.look()
    assert served.complete()["version"] == "v1"
    health = served.client.get("/health").json()
    assert health["status"] == "serving an earlier version"
    assert "v3 is in production and has another base" in health["problem"]
    assert served.follower.n_failed == 1
    assert "hindsight_is_behind 1.0" in served.client.get("/metrics").text
    moves.roll_back(served.store, LINE, **WHY)
    served.follower.look()
    assert served.client.get("/health").json()["problem"] == ""


def test_a_damaged_history_leaves_the_version_that_answers(served: Served) -> None:
    name = "versions/small/000002.json"
    content = served.store.objects.read(name)
    served.store.objects.write(name, content[:-20])
    served.follower.look()
    assert "cannot be read" in served.client.get("/health").json()["problem"]
    assert served.complete()["version"] == "v1"
    served.store.objects.write(name, content)
    served.follower.look()
    assert served.client.get("/health").json()["status"] == "ok"


def streamed(served: Served, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    with served.client.stream("POST", path, json=asked | {"stream": True}) as answer:
        assert answer.headers[VERSION_HEADER] == "v1"
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


@pytest.mark.parametrize("fields", [{}, {"temperature": 0.9, "top_p": 0.8, "seed": 5}])
def test_a_stream_has_the_text_of_a_whole_answer(served: Served, fields: dict[str, Any]) -> None:
    whole = served.complete(**fields)
    events = streamed(served, "/v1/completions", ASK | fields)
    assert "".join(event["choices"][0]["text"] for event in events) == whole["choices"][0]["text"]
    assert [event["choices"][0]["finish_reason"] for event in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]


def test_a_seed_decides_what_is_sampled(served: Served) -> None:
    texts = {seed: served.complete(temperature=1.5, seed=seed)["choices"][0]["text"] for seed in range(4)}
    assert len(set(texts.values())) > 1
    assert served.complete(temperature=1.5, seed=2)["choices"][0]["text"] == texts[2]


def test_a_conversation_is_rendered_by_the_models_own_template(served: Served) -> None:
    asked = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": N_NEW}
    whole = served.client.post("/v1/chat/completions", json=asked).json()
    turns = asked["messages"]
    text = served.worker.model.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    plain = served.complete(prompt=text)
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": plain["choices"][0]["text"]}
    events = streamed(served, "/v1/chat/completions", asked)
    assert "".join(event["choices"][0]["delta"]["content"] for event in events) == plain["choices"][0]["text"]


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(served: Served) -> None:
    text = served.text(1)
    stop = text[len(text) // 2 :][:2]
    expected = text[: text.find(stop)]
    found = served.complete(stop=[stop])
    assert (found["choices"][0]["text"], found["choices"][0]["finish_reason"]) == (expected, "stop")
    events = streamed(served, "/v1/completions", ASK | {"stop": stop})
    assert "".join(event["choices"][0]["text"] for event in events) == expected


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"prompt": ""}, 400, "prompt: String should have at least 1 character"),
        ({"logit_bias": {}}, 400, "logit_bias: Extra inputs are not permitted"),
        ({"n": 2}, 400, "n: Input should be 1"),
        ({"model": "other"}, 404, "model 'other' is not served here; small is"),
        ({"prompt": "the yen fell " * 100}, 400, "the prompt has"),
        ({"prompt": "the yen fell " * 1000}, 413, "more than 5000 bytes"),
    ],
)
def test_a_bad_request_is_one_sentence(served: Served, fields: dict[str, Any], status: int, message: str) -> None:
    found = served.client.post("/v1/completions", json=ASK | fields)
    assert found.status_code == status
    assert message in found.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/metrics"])
@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer another", f"Basic {TOKEN}x"])
def test_without_the_token_nothing_is_answered_but_health(served: Served, path: str, header: str) -> None:
    assert served.client.get(path, headers={"authorization": header}).status_code == 401
    assert served.client.get("/health", headers={"authorization": header}).status_code == 200


def test_no_prompt_is_logged_also_where_a_request_fails(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(prompt: list[int], *rest: object) -> None:
        raise RuntimeError(f"cannot compute {served.worker.model.tokenizer.decode(prompt)}")

    with caplog.at_level(logging.DEBUG, logger="tasks"):
        served.complete()
        served.client.post("/v1/completions", json={"prompt": [PROMPT], "max_tokens": "many"})
        monkeypatch.setattr(served.worker.model, "generate", fail)
        client = TestClient(served.client.app, raise_server_exceptions=False, headers=served.client.headers)
        found = client.post("/v1/completions", json=ASK)
    assert found.status_code == 500
    assert "a request failed: RuntimeError" in caplog.text
    assert "euro" not in caplog.text + found.text
