"""One builder per artifact on a machine."""

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.common.settings import project_root
from tasks.store.build import build
from tasks.store.staging import builder_lock
from tasks.store.store import Store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig


def test_two_builders_at_once_build_once_and_the_second_logs_whom_it_waits_for(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def make(inputs, folder: Path):
        calls.append(folder)
        begun.set()
        assert go_on.wait(30)
        (folder / "a.txt").write_text("alpha")
        return {"n": 1}

    spec = ARTIFACT_TYPE.spec(SmallConfig())
    with caplog.at_level("INFO"), ThreadPoolExecutor(2) as builders:
        first = builders.submit(build, store, spec, make)
        assert begun.wait(30)
        second = builders.submit(build, store, spec, make)
        while not any("waits, for process" in message for message in caplog.messages):
            assert not second.done()
        go_on.set()
        assert first.result() == second.result()
    assert len(calls) == 1


def test_another_artifact_does_not_wait(store: Store) -> None:
    with builder_lock(ARTIFACT_TYPE.spec(SmallConfig())):
        ref = build(
            store, ARTIFACT_TYPE.spec(SmallConfig(size=4)), lambda inputs, folder: {"n": len(list(folder.iterdir()))}
        )
    assert store.record(ref).facts == {"n": 0}


HOLDER = """
from tasks.store.staging import builder_lock
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig
with builder_lock(ARTIFACT_TYPE.spec(SmallConfig())):
    print("held", flush=True)
    input()
"""


def test_a_killed_builder_leaves_no_lock(store: Store) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project_root()
    )
    try:
        assert holder.stdout.readline() == "held\n"
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with builder_lock(ARTIFACT_TYPE.spec(SmallConfig())):
        assert build(store, ARTIFACT_TYPE.spec(SmallConfig(size=5)), lambda inputs, folder: {}).kind == "corpus"


def test_a_failed_build_frees_the_lock(store: Store) -> None:
    def fail(inputs, folder: Path):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        build(store, ARTIFACT_TYPE.spec(SmallConfig()), fail)
    assert build(store, ARTIFACT_TYPE.spec(SmallConfig()), lambda inputs, folder: {}).kind == "corpus"
