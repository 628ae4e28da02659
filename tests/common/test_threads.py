"""What the machine has free decides how much is computed side by side, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tasks.common import threads
from tasks.common.threads import free_cores, n_cores, side_by_side

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
        assert side_by_side(n_threads, "embed") == expected
    assert f"embed: {free:.1f} of {n_cores()} cores are free: batches at a time: {expected}" in caplog.text


def test_only_cores_of_this_process_count() -> None:
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(own)})
    try:
        assert free_cores(0.2) <= 1
    finally:
        os.sched_setaffinity(0, own)
