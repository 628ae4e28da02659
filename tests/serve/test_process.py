"""`hindsight serve` as a process: killed at any moment, the next one serves what is in production, whole."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from transformers import AutoTokenizer

from tasks.common.settings import project_root
from tasks.serve.api import VERSION_HEADER
from tasks.store.store import Store, open_store
from tasks.versions import moves
from tests.chat_fixtures import dense_base
from tests.gguf.small_chat_models import needs_export
from tests.serve import small_exports
from tests.serve.small_line import LINE, N_NEW, PROMPT, WHY, adapter_folder, add_version, expected_answer
from tests.waiting import GENEROUS_SECONDS

TOKEN = "a-token-of-the-test"
HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def store(own_state: Path) -> Store:
    found = open_store()
    for number in (1, 2):
        add_version(found, number, adapter_folder(number))
    moves.promote(found, LINE, "v1", **WHY)
    return found


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process that answers, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hindsight", "serve", LINE, "--port", str(port), *options]
    environment = os.environ | {"HINDSIGHT_SERVE_TOKEN": TOKEN, "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(command, cwd=project_root(), env=environment, text=True, stderr=subprocess.PIPE)
    try:
        url = f"http://127.0.0.1:{port}"
        until_healthy(server, url)
        yield server, url
    finally:
        server.kill()
        server.communicate()


def until_healthy(server: "subprocess.Popen[str]", url: str, version: str = "") -> None:
    ends = time.monotonic() + GENEROUS_SECONDS
    while time.monotonic() < ends:
        assert server.poll() is None, server.communicate()[1]
        try:
            found = httpx.get(f"{url}/health").json()
        except httpx.TransportError:
            found = {}
        if found.get("status") == "ok" and version in ("", found["version"]):
            return
        time.sleep(0.1)
    raise AssertionError(f"no health within {GENEROUS_SECONDS} s")


def ask(url: str, prompt: str = PROMPT, n_new: int = N_NEW) -> tuple[str, str]:
    """Version and text of an answer."""
    asked = {"prompt": prompt, "max_tokens": n_new}
    found = httpx.post(f"{url}/v1/completions", json=asked, headers=HEADERS, timeout=GENEROUS_SECONDS)
    assert found.status_code == 200, found.text
    return found.headers[VERSION_HEADER], found.json()["choices"][0]["text"]


def text_of(version: str) -> str:
    tokenizer = AutoTokenizer.from_pretrained(dense_base().path)
    return str(tokenizer.decode(expected_answer(int(version.removeprefix("v"))), skip_special_tokens=True))


def test_a_killed_server_is_followed_by_one_that_serves_production_whole(store: Store) -> None:
    with serving() as (server, url):
        assert ask(url) == ("v1", text_of("v1"))
        with ThreadPoolExecutor(4) as clients:
            answers = clients.map(ask, [url] * 40)
            moves.promote(store, LINE, "v2", **WHY)
            until_healthy(server, url, "v2")
        assert all(text == text_of(version) for version, text in answers)
        moves.roll_back(store, LINE, **WHY)
        # Somewhere between the move and the exchange.
        server.send_signal(signal.SIGKILL)
    with serving() as (server, url):
        assert ask(url) == ("v1", text_of("v1"))
        moves.promote(store, LINE, "v2", **WHY)
        until_healthy(server, url, "v2")
        assert ask(url) == ("v2", text_of("v2"))


@needs_export()
def test_the_same_command_serves_by_llama_cpp_and_its_processes_end_with_it(own_state: Path) -> None:
    store = open_store()
    for number in (1, 2):
        small_exports.add_release(store, number)
    moves.promote(store, LINE, "v1", **WHY)
    asked = (small_exports.PROMPT, small_exports.N_NEW)
    with serving("--engine", "llama.cpp") as (server, url):
        assert ask(url, *asked) == ("v1", small_exports.expected_text(1))
        moves.promote(store, LINE, "v2", **WHY)
        until_healthy(server, url, "v2")
        assert ask(url, *asked) == ("v2", small_exports.expected_text(2))
        processes = psutil.Process(server.pid).children(recursive=True)
        assert processes
        server.send_signal(signal.SIGTERM)
        server.wait(GENEROUS_SECONDS)
        assert not psutil.wait_procs(processes, timeout=20)[1]
