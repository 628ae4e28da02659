"""llama.cpp: a process per version, a switch between two requests, and no answer of two versions."""

import json
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient

from tasks.serve import llama_engine
from tasks.serve.api import VERSION_HEADER, make_app
from tasks.serve.config import ServeConfig
from tasks.serve.errors import UnservableVersion
from tasks.serve.follow import Follower
from tasks.serve.llama_engine import LlamaEngine
from tasks.serve.schemas import CompletionRequest
from tasks.store.store import Store, open_store
from tasks.versions import moves
from tests.gguf.small_chat_models import byte_tokenizer, needs_export
from tests.serve.small_exports import N_NEW, PROMPT, add_release, expected_text
from tests.serve.small_line import LINE, WHY, adapter_folder, add_version

pytestmark = needs_export()
TOKEN = "a-token-of-the-test"
CONFIG = ServeConfig(max_new_tokens=900, max_prompt_tokens=200)
ASK = CompletionRequest(prompt=PROMPT, max_tokens=N_NEW)


class Served:
    """A line of two releases, of which the first is served."""

    def __init__(self, store: Store) -> None:
        self.store, self.engine = store, LlamaEngine(store, LINE, CONFIG)
        self.follower = Follower(store, LINE, self.engine, 3_600)
        self.client = TestClient(make_app(LINE, self.engine, self.follower, CONFIG, TOKEN))
        self.client.headers["authorization"] = f"Bearer {TOKEN}"

    def complete(self, **fields: Any) -> dict[str, Any]:
        found = self.client.post("/v1/completions", json={"prompt": PROMPT, "max_tokens": N_NEW} | fields)
        assert found.status_code == 200, found.text
        return found.json() | {"version": found.headers[VERSION_HEADER]}

    def promote(self, version: str) -> None:
        moves.promote(self.store, LINE, version, **WHY)
        self.follower.look()

    @property
    def processes(self) -> list[psutil.Process]:
        """Those of llama.cpp, that have not ended."""
        return [each for each in psutil.Process().children() if _is_of_llama_cpp(each)]


def _is_of_llama_cpp(process: psutil.Process) -> bool:
    try:
        return "tasks.gguf.inside" in process.cmdline()
    except psutil.NoSuchProcess:  # also where it has ended and is not waited for yet
        return False


@pytest.fixture
def served(own_state: Path) -> Iterator[Served]:
    store = open_store()
    for number in (1, 2):
        add_release(store, number)
    moves.promote(store, LINE, "v1", **WHY)
    found = Served(store)
    yield found
    found.engine.stop()
    assert found.processes == []


def until(condition: Any) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "not within a minute"
        time.sleep(0.02)


def test_an_answer_is_the_files_and_follows_a_promotion_and_a_rollback(served: Served) -> None:
    first = served.complete()
    assert (first["version"], first["choices"][0]["text"]) == ("v1", expected_text(1))
    assert first["usage"]["completion_tokens"] <= N_NEW
    served.promote("v2")
    assert served.follower.problem == ""
    second = served.complete()
    assert (second["version"], second["choices"][0]["text"]) == ("v2", expected_text(2))
    assert expected_text(2) != expected_text(1)
    assert second["system_fingerprint"] != first["system_fingerprint"]
    moves.roll_back(served.store, LINE, **WHY)
    served.follower.look()
    assert served.complete()["choices"] == first["choices"]
    until(lambda: len(served.processes) == 1)
    metrics = served.client.get("/metrics").text
    assert "hindsight_exchanges 2.0" in metrics
    assert 'hindsight_version{version="v1"} 1.0' in metrics


def test_streams_stops_seeds_and_conversations(served: Served) -> None:
    text = expected_text(1)
    with served.client.stream("POST", "/v1/completions", json=ASK.model_dump() | {"stream": True}) as answer:
        assert answer.headers[VERSION_HEADER] == "v1"
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    assert "".join(json.loads(line)["choices"][0]["text"] for line in lines[:-1]) == text
    stop = re.findall("[!-~]{2}", text)[-1]
    found = served.complete(stop=[stop])["choices"][0]
    assert (found["text"], found["finish_reason"]) == (text[: text.find(stop)], "stop")
    sampled = [served.complete(temperature=1.5, seed=seed)["choices"][0]["text"] for seed in (1, 2, 1)]
    assert sampled[0] == sampled[2] != sampled[1]
    turns = [{"role": "user", "content": PROMPT}]
    chat = served.client.post("/v1/chat/completions", json={"messages": turns, "max_tokens": N_NEW}).json()
    rendered = byte_tokenizer().apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert chat["choices"][0]["message"]["content"] == served.complete(prompt=rendered)["choices"][0]["text"]


def test_a_request_that_began_with_the_earlier_version_ends_with_it(served: Served) -> None:
    """The open answer holds its process while the next version answers others; then that process ends."""
    reply = served.engine.answer(CompletionRequest(prompt=PROMPT, max_tokens=N_NEW))
    (earlier,) = served.processes
    pieces = reply.pieces()
    text = next(pieces)
    served.promote("v2")
    assert served.complete()["version"] == "v2"
    assert earlier.is_running()
    text += "".join(pieces)
    assert (reply.version.name, text) == ("v1", expected_text(1))
    assert not psutil.wait_procs([earlier], timeout=60)[1]


def test_an_answer_that_nobody_reads_any_more_ends_early_and_frees_its_process(served: Served) -> None:
    reply = served.engine.answer(CompletionRequest(prompt=PROMPT, max_tokens=800, temperature=1.0, seed=1))
    pieces = reply.pieces()
    next(pieces)
    reply.close()
    assert list(pieces) == []
    assert reply.n_new < 800
    assert (served.engine.active.n_open, served.engine.n_waiting) == (0, 0)


def ask_through_exchanges(served: Served, n_requests: int, n_exchanges: int) -> list[tuple[str, str]]:
    """Ask from eight clients through exchanges; the version and text of each answer."""

    def ask(_: int) -> tuple[str, str]:
        reply = served.engine.answer(ASK)
        return reply.version.name, "".join(reply.pieces())

    def exchange_all() -> None:
        for number in range(n_exchanges):
            history = moves.existing_history(served.store, LINE)
            served.engine.exchange(history.version(f"v{1 + (number + 1) % 2}"))

    exchanging = threading.Thread(target=exchange_all)
    with ThreadPoolExecutor(8) as clients:
        exchanging.start()
        answers = list(clients.map(ask, range(n_requests)))
        while exchanging.is_alive():
            answers += clients.map(ask, range(8))
    return answers


def n_mixed(answers: list[tuple[str, str]]) -> int:
    return sum(text != expected_text(int(name.removeprefix("v"))) for name, text in answers)


def test_through_exchanges_no_request_fails_and_none_is_mixed(served: Served) -> None:
    answers = ask_through_exchanges(served, 100, 4)
    assert n_mixed(answers) == 0
    assert {name for name, _ in answers} == {"v1", "v2"}
    assert len(served.engine.seconds_of_exchanges) == 4


@pytest.mark.slow
def test_of_a_thousand_requests_from_eight_clients_through_twenty_exchanges_none_fails_or_is_mixed(
    served: Served,
) -> None:
    answers = ask_through_exchanges(served, 1_000, 20)
    assert n_mixed(answers) == 0
    assert len(answers) >= 1_000


@pytest.mark.slow
def test_memory_and_open_files_are_flat_over_two_hundred_exchanges(served: Served) -> None:
    versions, process = moves.existing_history(served.store, LINE).versions, psutil.Process()

    def exchange(number: int) -> tuple[int, int]:
        served.engine.exchange(versions[f"v{1 + (number + 1) % 2}"])
        until(lambda: len(served.processes) == 1)
        return process.memory_info().rss, process.num_fds()

    before = [exchange(number) for number in range(10)]
    after = [exchange(number) for number in range(10, 210)]
    for most, bound in zip(map(max, zip(*after, strict=True)), map(max, zip(*before, strict=True)), strict=True):
        assert most <= 1.05 * bound


def test_the_same_load_finds_failed_answers_where_the_earlier_process_does_not_end_its_answers(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with no time to drain, open answers break off."""
    monkeypatch.setattr(llama_engine, "DRAIN_SECONDS", -1.0)
    reply = served.engine.answer(CompletionRequest(prompt=PROMPT, max_tokens=800, temperature=1.0, seed=1))
    pieces = reply.pieces()
    next(pieces)
    served.promote("v2")
    until(lambda: len(served.processes) == 1)
    with pytest.raises(Exception, match="has ended"):
        "".join(pieces)


def test_a_file_whose_answers_are_not_the_recorded_ones_never_answers(served: Served) -> None:
    add_release(served.store, 3, answered_by=1)
    served.promote("v3")
    assert "v3 answers 2 of 2 probe prompts otherwise than its export recorded" in served.follower.problem
    assert served.complete()["version"] == "v1"
    assert len(served.processes) == 1
    moves.roll_back(served.store, LINE, **WHY)
    served.follower.look()
    assert served.client.get("/health").json() == {"status": "ok", "version": "v1", "problem": ""}


def test_a_file_that_changed_on_the_disk_is_not_started(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after the store's own check: what is started is what was hashed last."""
    history = moves.existing_history(served.store, LINE)
    fetch = served.store.fetch

    def fetch_and_damage(ref: Any) -> Path:
        folder = fetch(ref)
        (file,) = folder.glob("*.gguf")
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
        return folder

    monkeypatch.setattr(served.store, "fetch", fetch_and_damage)
    with pytest.raises(UnservableVersion, match=r"v2: small-\w+\.Q8_0\.gguf hashes to \w+, so that it has changed"):
        served.engine.exchange(history.version("v2"))
    assert served.complete()["choices"][0]["text"] == expected_text(1)


def test_a_version_without_an_export_is_refused_with_the_way_out(served: Served) -> None:
    name = add_version(served.store, 9, adapter_folder(1))
    served.promote(name)
    assert f"{LINE} {name} has no export, and llama.cpp serves the export of a release" in served.follower.problem
    assert "serve an adapter by `--engine transformers`" in served.follower.problem


def test_a_server_that_starts_beside_a_version_without_an_export_answers_by_the_one_before_and_says_so(
    own_state: Path,
) -> None:
    store = open_store()
    add_release(store, 1)
    moves.promote(store, LINE, "v1", **WHY)
    name = add_version(store, 9, adapter_folder(1))
    moves.promote(store, LINE, name, **WHY)
    served = Served(store)
    try:
        served.follower.start()
        until(lambda: served.follower.problem)
        health = served.client.get("/health").json()
        assert (health["status"], health["version"]) == ("not following production", "v1")
        assert f"{LINE} {name} has no export" in health["problem"]
        assert served.complete()["choices"][0]["text"] == expected_text(1)
    finally:
        served.follower.stop()
        served.engine.stop()


def test_a_process_that_is_killed_is_said_and_started_again_with_the_same_version(served: Served) -> None:
    (killed,) = served.processes
    killed.kill()
    killed.wait(60)
    health = served.client.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "not serving")
    refused = served.client.post("/v1/completions", json=ASK.model_dump())
    assert (refused.status_code, "started again" in refused.text) == (503, True)
    until(lambda: served.engine.n_restarts == 1)
    assert served.complete()["choices"][0]["text"] == expected_text(1)
    assert served.client.get("/health").json() == {"status": "ok", "version": "v1", "problem": ""}


def test_a_process_that_cannot_be_started_again_is_a_problem_and_the_next_version_answers(served: Served) -> None:
    file = served.engine.active.exported.gguf
    file.chmod(0o644)
    file.write_bytes(b"GGUF")
    (killed,) = served.processes
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: "cannot be started again" in served.follower.problem)
    assert f"Remove {file} and restart the server" in served.client.get("/health").json()["problem"]
    served.promote("v2")
    assert served.follower.problem == ""
    assert served.complete()["version"] == "v2"


def test_bounds_and_a_full_queue_refuse(served: Served) -> None:
    found = served.client.post("/v1/completions", json={"prompt": "up " * 300})
    assert (found.status_code, "the prompt has" in found.text) == (400, True)
    served.engine.n_waiting = CONFIG.max_waiting + 1
    assert served.client.post("/v1/completions", json=ASK.model_dump()).status_code == 429
    served.engine.n_waiting = 0
    assert served.engine.active.n_open == 0


def test_no_prompt_is_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    secret = "the secret prompt"
    with caplog.at_level(logging.DEBUG):
        served.complete(prompt=secret)
        served.client.post("/v1/completions", json={"prompt": secret * 100, "max_tokens": 1})
        (process,) = served.processes
        (log,) = {file.path for file in process.open_files() if file.path.endswith("serve.log")}
        assert secret not in caplog.text + Path(log).read_text()
