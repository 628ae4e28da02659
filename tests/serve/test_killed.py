"""Killed at any point, server and promoter leave the earlier or the later version in production, whole."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tasks.common.settings import project_root
from tasks.serve.config import ServeConfig
from tasks.serve.llama_engine import LlamaEngine
from tasks.serve.schemas import CompletionRequest
from tasks.serve.served_model import load_served
from tasks.serve.transformers_engine import load_production
from tasks.store.store import Store, open_store
from tasks.versions import moves
from tests.chat_fixtures import dense_base
from tests.gguf.small_chat_models import needs_export
from tests.serve.small_exports import N_NEW, PROMPT, add_release, expected_text
from tests.serve.small_line import LINE, WHY, adapter_folder, add_version
from tests.waiting import GENEROUS_SECONDS

START = f"""
import os, signal
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
LINE, WHY = {LINE!r}, {WHY!r}
"""
"""The line's names, without the imports of the module that makes it."""
SERVER = """
import psutil
from tasks.serve import llama_process
from tasks.serve.config import ServeConfig
from tasks.serve.follow import Follower
from tasks.serve.llama_engine import LlamaEngine
from tasks.store.store import open_store
from tasks.versions import moves

def kill_naming_children(*_):
    # Called by the thread that watches, also before the exchange.
    if "{point}" == "engine._end_earlier" and engine._earlier is None:
        return
    print(*(child.pid for child in psutil.Process().children()), flush=True)
    kill()

engine = LlamaEngine(open_store(), LINE, ServeConfig())
moves.promote(open_store(), LINE, "v2", **WHY)
{point} = kill_naming_children
Follower(open_store(), LINE, engine, 3_600).look()
engine._stopping.wait(600)
"""
PROMOTER = """
from tasks.store.store import open_store
from tasks.versions import moves

written = moves._written
def kill_beside(store, move):
    {before} and kill()
    written(store, move)
    kill()
moves._written = kill_beside
moves.promote(open_store(), LINE, "v2", **WHY)
"""
"""Killed before its move is written, or before it knows that it is."""


def killed(script: str) -> list[int]:
    """Run a script until it kills itself; the numbers that it printed."""
    environment = os.environ | {"PYTHONPATH": str(project_root()), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", START + script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=GENEROUS_SECONDS)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return [int(pid) for pid in done.stdout.split()]


def alive(pids: list[int]) -> list[psutil.Process]:
    """Those of the processes that do not end within some seconds."""
    found = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return psutil.wait_procs(found, timeout=20)[1]


@pytest.mark.parametrize(
    "point",
    [
        # The next process runs, and has answered nothing.
        pytest.param("llama_process._checked_answers", marks=pytest.mark.slow),
        # It is checked, and gets no request yet.
        "engine._switch",
        # It gets the requests, and the earlier one is about to end.
        pytest.param("engine._end_earlier", marks=pytest.mark.slow),
    ],
)
@needs_export()
def test_a_server_that_is_killed_in_an_exchange_takes_its_processes_along_and_the_next_serves_production(
    own_state: Path, point: str
) -> None:
    store = open_store()
    for number in (1, 2):
        add_release(store, number)
    moves.promote(store, LINE, "v1", **WHY)
    pids = killed(SERVER.replace("{point}", point))
    assert len(pids) == 2
    assert alive(pids) == []
    engine = LlamaEngine(store, LINE, ServeConfig())
    text = "".join(engine.answer(CompletionRequest(prompt=PROMPT, max_tokens=N_NEW)).pieces())
    name = engine.version.name
    engine.stop()
    assert (name, text) == ("v2", expected_text(2))


@pytest.mark.parametrize(("before", "expected"), [(True, "v1"), (False, "v2")])
def test_a_killed_promoter_leaves_the_earlier_or_the_later_version_and_the_next_one_moves_on(
    own_state: Path, before: bool, expected: str
) -> None:
    store: Store = open_store()
    for number in (1, 2):
        add_version(store, number, adapter_folder(number))
    moves.promote(store, LINE, "v1", **WHY)
    killed(PROMOTER.replace("{before}", str(before)))
    model, _ = load_production(store, LINE)
    fresh = load_served(dense_base().path, expected, model.version.digest, adapter_folder(int(expected[1:])))
    assert model.version == fresh.version
    assert moves.promote(store, LINE, "v2" if before else "v1", **WHY).state == "production"
