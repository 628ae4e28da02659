"""The HTTP surface: OpenAI's fields, the version of each answer, bounds, and nothing of a prompt in logs."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tasks.serve import production, transformers_engine
from tasks.serve.api import VERSION_HEADER, make_app
from tasks.serve.config import ServeConfig
from tasks.serve.follow import Follower
from tasks.serve.transformers_engine import TransformersEngine, load_production
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
        model, base = load_production(store, LINE)
        self.worker = Worker(model, 64)
        config = ServeConfig(max_body_bytes=5_000, max_new_tokens=64, max_prompt_tokens=200)
        self.engine = TransformersEngine(store, LINE, self.worker, base, config)
        self.follower = Follower(store, LINE, self.engine, 3_600)
        self.follower.start()
        self.client = TestClient(make_app(LINE, self.engine, self.follower, config, TOKEN))
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
    assert health["status"] == "not following production"
    assert "v3 is in production and has another base" in health["problem"]
    assert served.follower.n_failed == 1
    assert "hindsight_is_behind 1.0" in served.client.get("/metrics").text
    moves.roll_back(served.store, LINE, **WHY)
    served.follower.look()
    assert served.client.get("/health").json()["problem"] == ""


def test_a_refused_version_that_is_promoted_again_is_refused_again(served: Served) -> None:
    add_version(served.store, 3, adapter_folder(3), publish_base(served.store, 7))
    moves.promote(served.store, LINE, "v3", **WHY)
    served.follower.look()
    moves.roll_back(served.store, LINE, **WHY)
    served.follower.look()
    moves.promote(served.store, LINE, "v3", **WHY)
    served.follower.look()
    assert "v3 is in production and has another base" in served.client.get("/health").json()["problem"]


def test_after_another_problem_a_refused_version_is_the_problem_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_version(served.store, 3, adapter_folder(3), publish_base(served.store, 7))
    moves.promote(served.store, LINE, "v3", **WHY)
    served.follower.look()
    refusal = served.follower.problem
    with monkeypatch.context() as patched:
        patched.setattr(production, "existing_history", failing(ConnectionError()))
        served.follower.look()
        assert served.follower.problem == "ConnectionError"
    served.follower.look()
    assert served.follower.problem == refusal


def test_a_version_that_is_promoted_while_the_server_starts_is_not_put_on_the_base_of_another(own_state: Path) -> None:
    store = open_store()
    add_version(store, 1, adapter_folder(1))
    moves.promote(store, LINE, "v1", **WHY)
    model, base = load_production(store, LINE)
    add_version(store, 2, adapter_folder(2), publish_base(store, 7))
    moves.promote(store, LINE, "v2", **WHY)
    worker = Worker(model, 64)
    follower = Follower(store, LINE, TransformersEngine(store, LINE, worker, base, ServeConfig()), 3_600)
    follower.start()
    follower.look()
    follower.stop()
    worker.stop()
    assert worker.model.version.name == "v1"
    assert "v2 is in production and has another base" in follower.problem


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


def test_an_error_of_a_library_is_a_problem_and_following_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves.promote(served.store, LINE, "v2", **WHY)
    with monkeypatch.context() as patched:
        # Half of an exchange: PEFT has made the adapter when loading its tensors fails.
        patched.setattr("peft.set_peft_model_state_dict", failing(RuntimeError("out of memory")))
        served.follower.look()
    assert "v2 is in production and could not be loaded: RuntimeError: out of memory" in served.follower.problem
    assert served.complete()["choices"][0]["text"] == served.text(1)
    moves.roll_back(served.store, LINE, **WHY)
    served.follower.look()
    assert served.follower.problem == ""
    moves.promote(served.store, LINE, "v2", **WHY)
    served.follower.look()
    assert served.complete()["choices"][0]["text"] == served.text(2)


def test_an_exchange_that_does_not_end_is_a_problem(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    moves.promote(served.store, LINE, "v2", **WHY)
    with monkeypatch.context() as patched:
        patched.setattr(transformers_engine, "HAS_NOT_ENDED_SECONDS", 0.0)
        patched.setattr(served.worker, "exchange", lambda *version: Future())
        served.follower.look()
    assert "the exchange to small v2 has not ended" in served.follower.problem
    served.follower.look()
    assert served.complete()["version"] == "v2"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_end_of_the_following_thread_is_a_problem(served: Served) -> None:
    follower = Follower(served.store, LINE, served.engine, 0.01)
    follower.look = failing(SystemExit())  # type: ignore[method-assign]
    follower.start()
    assert follower._thread is not None
    follower._thread.join(60)
    client = TestClient(make_app(LINE, served.engine, follower, ServeConfig(), TOKEN), headers=served.client.headers)
    health = client.get("/health").json()
    assert health["status"] == "not following production"
    assert "the thread that follows small has ended; restart the server" in health["problem"]
    assert "hindsight_is_behind 1.0" in client.get("/metrics").text


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


def test_a_stop_text_may_be_long_and_null_is_the_default(served: Served) -> None:
    text = served.text(1)
    assert len(text[1:]) > 4
    assert served.complete(stop=text[1:])["choices"][0]["text"] == text[:1]
    assert served.complete(stop=["no such text", text[1:]])["choices"][0]["text"] == text[:1]
    names = ("model", "temperature", "top_p", "seed", "stop", "stream", "n", "user")
    assert served.complete(**dict.fromkeys(names))["choices"][0]["text"] == text


def test_turns_that_the_models_template_refuses_are_a_bad_request(served: Served) -> None:
    served.worker.model.tokenizer.chat_template = "{{ raise_exception('no system turn') }}"
    asked = {"messages": [{"role": "system", "content": PROMPT}], "max_tokens": 1}
    found = served.client.post("/v1/chat/completions", json=asked)
    assert found.status_code == 400
    assert "template refuses the turns system: no system turn" in found.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"prompt": ""}, 400, "prompt: String should have at least 1 character"),
        ({"logit_bias": {}}, 400, "logit_bias: Extra inputs are not permitted"),
        ({"n": 2}, 400, "n: Input should be 1"),
        ({"stop": list("abcde")}, 400, "Tuple should have at most 4 items"),
        ({"stop": "a" * 1_001}, 400, "String should have at most 1000 characters"),
        ({"prompt": None}, 400, "prompt: Field required"),
        ({"logit_bias": None}, 400, "logit_bias: Extra inputs are not permitted"),
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
@pytest.mark.parametrize("header", ["", TOKEN, "Bearer ", "Bearer another", f"Basic {TOKEN}", f"Bearer{TOKEN}"])
def test_without_the_token_nothing_is_answered_but_status_and_version(served: Served, path: str, header: str) -> None:
    assert served.client.get(path, headers={"authorization": header}).status_code == 401
    health = served.client.get("/health", headers={"authorization": header})
    assert (health.status_code, health.json()) == (200, {"status": "ok", "version": "v1"})
    assert served.client.get(path, headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
