"""A killed bootstrap goes on where it was and ends with the figures of one that was not killed."""

import signal
import subprocess
import sys
import time

import numpy as np

from tasks.common.settings import project_root
from tasks.premium.chunks import in_chunks
from tasks.premium.config import PremiumConfig
from tasks.premium.reference.bootstrap import score_draws
from tasks.premium.rows import read_rows

CONFIG = PremiumConfig(n_draws=400, robust=None, memory_gb=1e-4)
"""So little memory that a draw is a chunk."""
CHILD = """
import sys
from pathlib import Path
from tasks.premium.reference.bootstrap import score_draws
from tasks.premium.config import PremiumConfig
from tasks.premium.rows import read_rows
folder = Path(sys.argv[1])
inputs = {name: folder / name for name in ("panel", "base", "trained")}
score_draws(read_rows(inputs), PremiumConfig.model_validate_json(sys.argv[2]), folder / "work")
"""


def test_a_killed_run_keeps_its_chunks_and_ends_with_the_same_draws(inputs, tmp_path):
    work_dir = tmp_path / "work"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path), CONFIG.model_dump_json()], cwd=project_root())
    while len(list(work_dir.glob("*.npy"))) < 3 and child.poll() is None:
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = {file: file.stat().st_mtime_ns for file in work_dir.glob("*.npy")}
    assert len(kept) >= 3
    rows = read_rows(inputs)
    resumed = score_draws(rows, CONFIG, work_dir)
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    uninterrupted = score_draws(rows, CONFIG)
    np.testing.assert_array_equal(resumed.draws, uninterrupted.draws)
    assert resumed.dropped == uninterrupted.dropped


def test_chunks_of_another_size_are_taken_and_half_written_ones_are_not(tmp_path):
    def rows(start, stop):
        return np.arange(start, stop, dtype=float)[:, None]

    in_chunks("draws", 5, 5, tmp_path, rows)
    (tmp_path / "draws-00000005.part").write_bytes(b"half")
    computed = []

    def compute(start, stop):
        computed.append((start, stop))
        return rows(start, stop)

    np.testing.assert_array_equal(in_chunks("draws", 12, 3, tmp_path, compute)[:, 0], np.arange(12))
    assert computed == [(5, 8), (8, 11), (11, 12)]
