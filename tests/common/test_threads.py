"""What the machine has free decides how much is computed side by side, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.common import threads
from tasks.common.threads import Workers, free_cores, n_cores, side_by_side

SPIN = "while True: pass"


@pytest.fixture
def every_core_busy() -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(n_cores())]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("every_core_busy")
def test_cores_that_others_use_are_not_free() -> None:
    assert free_cores(2.0) < 0.5 * n_cores()


@pytest.mark.parametrize(
    ("free", "n_threads", "expected"), [(0.0, 1, 1), (1.6, 1, 1), (1.8, 1, 2), (8.0, 1, 8), (8.0, 4, 2), (3.0, 4, 1)]
)
def test_free_cores_are_shared_among_batches_of_so_many_threads(
    free: float, n_threads: int, expected: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "free_cores", lambda: free)
    with caplog.at_level("INFO"):
        assert side_by_side(n_threads, "embed", at_most=16) == Workers(expected, n_threads)
    said = f"embed: {free:.1f} of {n_cores()} cores are free: batches at a time: {expected}, threads: {n_threads}"
    assert said in caplog.text
    assert side_by_side(n_threads, "embed", at_most=1).n == 1


def test_only_cores_of_this_process_count() -> None:
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(own)})
    try:
        assert free_cores(0.2) <= 1
    finally:
        os.sched_setaffinity(0, own)


@pytest.mark.parametrize(("written", "expected"), [("150000 100000", 2), ("max 100000", 64), ("20000 100000", 1)])
def test_a_containers_limit_bounds_the_cores(
    written: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(f"{written}\n")
    monkeypatch.setattr(threads, "CPU_MAX", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)))
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert n_cores() == expected
