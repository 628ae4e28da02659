"""Through uvicorn: what a full queue leaves answerable, and what a failed request leaves in the log."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from tasks.serve.api import make_app
from tasks.serve.config import ServeConfig
from tasks.serve.follow import Follower
from tasks.serve.served_model import ServedModel
from tasks.serve.transformers_engine import TransformersEngine, load_production
from tasks.serve.worker import Steps, Worker
from tasks.store.store import open_store
from tasks.versions import moves
from tests.serve.small_line import LINE, WHY, adapter_folder, add_version
from tests.waiting import GENEROUS_SECONDS

TOKEN = "a-token-of-the-test"
SECRET = "the secret prompt"


@contextmanager
def listening(follower: Follower, config: ServeConfig) -> Iterator[httpx.Client]:
    """A client of the line on a free port."""
    app = make_app(LINE, follower.engine, follower, config, TOKEN)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="info", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        headers, limits = {"authorization": f"Bearer {TOKEN}"}, httpx.Limits(max_connections=None)
        with httpx.Client(base_url=url, headers=headers, timeout=60, limits=limits) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "not within a minute"
        time.sleep(0.02)


@pytest.fixture
def worker_and_follower(own_state: Path) -> Iterator[tuple[Worker, Follower]]:
    store = open_store()
    add_version(store, 1, adapter_folder(1))
    moves.promote(store, LINE, "v1", **WHY)
    model, base = load_production(store, LINE)
    worker = Worker(model, ServeConfig().max_waiting)
    yield worker, Follower(store, LINE, TransformersEngine(store, LINE, worker, base, ServeConfig()), 3_600)
    worker.stop()


def held(worker: Worker) -> threading.Event:
    """Keep the computing thread busy until the event is set."""
    go_on = threading.Event()

    def wait(model: ServedModel, *version: object) -> Steps:
        go_on.wait(GENEROUS_SECONDS)
        yield
        return model.version

    worker._exchange = wait
    worker.exchange("v1", "1" * 64, adapter_folder(1))
    return go_on


@pytest.mark.parametrize("is_streamed", [False, True])
def test_with_a_full_queue_health_and_metrics_answer_and_one_more_request_is_refused(
    worker_and_follower: tuple[Worker, Follower], is_streamed: bool
) -> None:
    worker, follower = worker_and_follower
    most, go_on = worker.max_waiting, held(worker)
    asked = {"prompt": "up", "max_tokens": 1, "stream": is_streamed}
    with listening(follower, ServeConfig()) as client, ThreadPoolExecutor(most) as clients:

        def ask(_: int) -> int:
            return client.post("/v1/completions", json=asked, timeout=GENEROUS_SECONDS).status_code

        waiting: list[Future[int]] = [clients.submit(ask, number) for number in range(most)]
        try:
            until(lambda: worker.n_waiting == most)
            assert client.get("/health").json()["status"] == "ok"
            assert f"hindsight_waiting {float(most)}" in client.get("/metrics").text
            assert client.post("/v1/completions", json=asked).status_code == 429
        finally:
            go_on.set()
        assert {future.result() for future in waiting} == {200}


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("fails", ["model", "tokenizer"])
def test_no_prompt_is_logged_where_a_request_fails(
    worker_and_follower: tuple[Worker, Follower],
    is_streamed: bool,
    fails: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, follower = worker_and_follower

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError(f"cannot compute {SECRET}")

    with caplog.at_level(logging.DEBUG), listening(follower, ServeConfig()) as client:
        good = client.post("/v1/completions", json={"prompt": SECRET, "max_tokens": 1})
        bad = client.post("/v1/completions", json={"prompt": [SECRET], "max_tokens": "many"})
        if fails == "model":
            monkeypatch.setattr(worker.model, "generate", fail)
        else:
            monkeypatch.setattr(type(worker.model.tokenizer), "__call__", fail)
        found = client.post("/v1/completions", json={"prompt": SECRET, "stream": is_streamed})
    assert [answer.status_code for answer in (good, bad, found)] == [200, 400, 500]
    assert found.json()["error"] == {
        "message": "the answer failed with RuntimeError; the server goes on.",
        "type": "server_error",
    }
    assert "a request failed: RuntimeError" in caplog.text
    assert "Traceback" not in caplog.text
    assert SECRET not in caplog.text + bad.text
