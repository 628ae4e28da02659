"""No trainer outlives who started it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from tasks.common.lifeline import PARENT
from tasks.common.settings import project_root
from tests.waiting import GENEROUS_SECONDS

SLEEPER = (
    "import time\n"
    "from tasks.common.lifeline import tie_to_parent\n"
    "tie_to_parent()\n"
    "print('tied', flush=True)\n"
    "time.sleep(300)\n"
)
STARTER = (
    "import subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE)\n"
    "child.stdout.readline()\n"
    "print(child.pid, flush=True)\n"
    "child.wait()\n"
)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(project_root())}


def test_a_tied_process_is_gone_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", STARTER, SLEEPER]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    _, alive = psutil.wait_procs([child], timeout=20)
    assert not alive


def test_a_process_whose_parent_is_another_by_now_ends_at_once() -> None:
    stale = environment() | {PARENT: "1"}
    done = subprocess.run(
        [sys.executable, "-c", SLEEPER], env=stale, capture_output=True, text=True, timeout=GENEROUS_SECONDS
    )
    assert done.returncode == 1
    assert "process 1, which started this one, has ended; this one ends too" in done.stderr


def test_a_module_of_others_is_run_in_the_tied_process_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(
        f"import os, sys\nprint(sys.argv[1:], os.environ['{PARENT}'] == str(os.getpid()))\n"
    )
    command = [sys.executable, "-m", "tasks.common.lifeline", "other", "--number", "2"]
    done = subprocess.run(
        command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=GENEROUS_SECONDS
    )
    assert done.stdout == "['--number', '2'] True\n", done.stderr
