"""Running the trainer: a process of another environment, watched, and ended with all it started."""

import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tasks.processes import end_tree
from tasks.settings import project_root
from tasks.train import workplace
from tasks.train.errors import TrainerMissing, TrainingFailed
from tasks.train.watch import Watch

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
LAST_LINES = 30
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 35)}
"""glibc keeps freed memory. On a CPU each step's logits over 248,320 tokens are half a gigabyte and more; given back to
the kernel and faulted in again, they took two thirds of the step."""
ERROR_LINE = re.compile(r"^[\w.]*(Error|Exception|Interrupt|Exit)\b(: .*)?$")


def trainer_python() -> Path:
    """Interpreter of the trainer's environment: HINDSIGHT_TRAINER_PYTHON, else `.venv-trainer` beside the code.

    Raises:
        TrainerMissing: If it is not there.
    """
    named = os.environ.get("HINDSIGHT_TRAINER_PYTHON")
    python = Path(named) if named else project_root() / ".venv-trainer" / "bin" / "python"
    if not os.access(python, os.X_OK):
        raise TrainerMissing(
            f"the trainer's interpreter {python} is missing or cannot be run; `make install` installs it, "
            "HINDSIGHT_TRAINER_PYTHON names another."
        )
    return python


def run_trainer(folder: Path, watch: Watch, on_cpu: bool) -> None:
    """Run axolotl in a prepared folder to its end.

    Args:
        folder: Holds the YAML, the base, the blocks; receives log, metrics and output.
        watch: Reports progress and ends what takes too long.
        on_cpu: Whether the arithmetic runs in this machine's memory.

    Raises:
        TrainerMissing: If the trainer's environment is not there.
        TrainingFailed: With the trainer's last error, if it did not end well.
    """
    command = [str(trainer_python()), "-m", "tasks.train.trainer", workplace.YAML]
    with (folder / workplace.LOG).open("wb") as output, _started(command, folder, output.fileno(), on_cpu) as process:
        while process.poll() is None:
            watch.look()
            time.sleep(POLL_SECONDS)
    if process.returncode != 0:
        raise _failure(process.returncode, (folder / workplace.LOG).read_text(errors="replace"))


def trainer_environment(on_cpu: bool = False) -> dict[str, str]:
    """The trainer's environment variables: ours, with the hub and telemetry switched off."""
    fixed = {
        "AXOLOTL_DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # The plugin comes from here. Sets of target names are walked in the same order in every run.
        "PYTHONPATH": str(project_root()),
        "PYTHONHASHSEED": "0",
    }
    # One process on several visible GPUs would split its batches among them without saying so.
    unless_said = {"CUDA_VISIBLE_DEVICES": "0"} | (KEEP_MEMORY if on_cpu else {})
    return unless_said | os.environ | fixed | {workplace.PLAIN_KERNELS: "1" if on_cpu else "0"}


@contextmanager
def _started(command: list[str], folder: Path, output: int, on_cpu: bool) -> Iterator[subprocess.Popen[bytes]]:
    # In our own session: a cancelled run ends its process group, and the trainer must be in it.
    environment = trainer_environment(on_cpu)
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        if process.poll() is None:
            end_tree(psutil.Process(process.pid))
            process.wait()


def _failure(returncode: int, output: str) -> TrainingFailed:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines[-LAST_LINES:]:
        log.error("trainer: %s", line)
    said = f"Its last {LAST_LINES} lines are in the log above."
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return TrainingFailed(
            f"the trainer was ended by {name}; SIGKILL is the kernel's way out of full memory. {said}"
        )
    errors = [line for line in lines if ERROR_LINE.match(line)]
    reason = (errors or lines or ["it said nothing"])[-1]
    return TrainingFailed(f"the trainer ended with exit code {returncode}: {reason[:500]} {said}")
