"""Running the trainer: processes of another environment, monitored, and ended with all they started."""

import json
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

from tasks.common.environments import import_path, interpreter
from tasks.common.lifeline import PARENT
from tasks.common.processes import end_tree
from tasks.common.threads import n_cores
from tasks.train.config import TrainConfig
from tasks.train.errors import TrainerMissing, TrainError, TrainingFailed
from tasks.train.pipeline.monitor import Monitor
from tasks.train.trainer import work_files

log = logging.getLogger(__name__)

TRAINER = "tasks.train.trainer"
POLL_SECONDS = 0.5
LAST_LINES = 30
LONGEST_REASON = 500
RANK_KILLED = re.compile(r"Signal \d+ \((SIG\w+)\) received by PID")
"""The message of torch's launcher about a rank that ended by a signal."""
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 35)}
"""Makes glibc keep freed memory. Each step's logits over 248,320 tokens take half a gigabyte or more; returning
it to the kernel and faulting it in anew took two thirds of a step on a CPU."""
LOST_PEER = re.compile(r"(?i)gloo|nccl|connection (reset|closed|refused)")
"""Errors of a rank whose peer has ended: a consequence, not the reason."""
ERROR_LINE = re.compile(
    r"^(?!torch\.distributed\.elastic)(tasks\.[\w.]+|[\w.]*(Error|Exception|Interrupt|Exit))\b(: .*)?$"
)
"""An exception's last line; torch's launcher ends with one of its own, which has no reason."""


class TooFewGpus(TrainError):
    """Fewer GPUs are visible than there are ranks."""


def trainer_python() -> Path:
    """Interpreter of the trainer's environment: HINDSIGHT_TRAINER_PYTHON, else its folder's.

    Raises:
        TrainerMissing: If it does not exist.
    """
    python, problem = interpreter("trainer")
    if problem:
        raise TrainerMissing(f"the trainer's {problem}")
    return python


def trainer_path() -> Path:
    """A folder from which the trainer imports `tasks`, and nothing of this environment."""
    return import_path()


def trainer_command(config: TrainConfig, module: str = TRAINER) -> list[str]:
    """How the trainer of an arm is started: axolotl, in one process or in one per rank."""
    python, n_ranks = str(trainer_python()), config.arm.n_ranks
    arguments = [module, work_files.YAML]
    if n_ranks == 1:
        return [python, "-m", *arguments]
    # Torch's launcher is tied to this process, as its ranks are to it: otherwise they would outlive a killed pipeline.
    launcher = [python, "-m", "tasks.common.lifeline", "torch.distributed.run"]
    return [*launcher, "--standalone", "--nproc-per-node", str(n_ranks), "-m", *arguments]


def run_trainer(folder: Path, config: TrainConfig, monitor: Monitor, module: str = TRAINER) -> None:
    """Run the trainer in a prepared work directory to its end.

    Args:
        folder: The work directory; receives log, metrics and output.
        config: The arm.
        monitor: Logs progress and raises when a time limit has passed.
        module: What is run in the trainer's environment.

    Raises:
        TrainerMissing: If the trainer's environment does not exist.
        TrainingFailed: With the trainer's own reason, if it failed.
    """
    command = trainer_command(config, module)
    environment = trainer_environment(config.kernels == "plain", config.arm.n_ranks)
    with (
        (folder / work_files.LOG).open("wb") as output,
        _started(command, folder, output.fileno(), environment) as process,
    ):
        while process.poll() is None:
            monitor.poll()
            time.sleep(POLL_SECONDS)
    if process.returncode != 0:
        raise failure(process.returncode, folder)
    # Lines written after the last poll.
    monitor.poll()


def trainer_environment(on_cpu: bool = False, n_ranks: int = 1) -> dict[str, str]:
    """The trainer's environment variables: those of this process, with the hub and telemetry switched off.

    Args:
        on_cpu: Whether it trains without a GPU.
        n_ranks: Processes, one per GPU.

    Raises:
        TooFewGpus: If CUDA_VISIBLE_DEVICES names fewer GPUs than ranks, but at least one.
    """
    fixed = {
        "AXOLOTL_DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # The plugin is imported from here.
        "PYTHONPATH": str(trainer_path()),
        # Sets of target names have the same order in every run.
        "PYTHONHASHSEED": "0",
        PARENT: str(os.getpid()),
        work_files.PLAIN_KERNELS: "1" if on_cpu else "0",
        "CUDA_VISIBLE_DEVICES": _visible_gpus(n_ranks, may_lack=on_cpu),
    }
    defaults = dict(KEEP_MEMORY) if on_cpu else {}
    if on_cpu:
        # The same bits on every machine, and no waiting for another process's threads.
        defaults["OMP_NUM_THREADS"] = "1"
    elif n_ranks > 1:
        # By default torch's launcher gives every rank one thread and warns.
        defaults["OMP_NUM_THREADS"] = str(max(1, n_cores() // n_ranks))
    return defaults | os.environ | fixed


def _visible_gpus(n_ranks: int, may_lack: bool) -> str:
    """CUDA_VISIBLE_DEVICES of the trainer: one GPU per rank, the first of those visible here; none if none is."""
    # One process that sees several GPUs would silently split its batches among them.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return ",".join(map(str, range(n_ranks)))
    gpus = [gpu.strip() for gpu in visible.split(",") if gpu.strip()]
    if 0 < len(gpus) < n_ranks and not may_lack:
        raise TooFewGpus(
            f"CUDA_VISIBLE_DEVICES={visible} names {len(gpus)} GPUs, the arm asks for n_ranks={n_ranks}. Name one per "
            "rank, unset it, or lower n_ranks."
        )
    return ",".join(gpus[:n_ranks])


@contextmanager
def _started(
    command: list[str], folder: Path, output: int, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    # Not a session of its own: a cancelled run ends its process group, and the trainer must be in it.
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        if process.poll() is None:
            end_tree(psutil.Process(process.pid))
            process.wait()


def failure(returncode: int, folder: Path) -> TrainingFailed:
    """Why the trainer ended: the exception in `failure.json`, else the last error line of its log.

    Args:
        returncode: Of the process.
        folder: The work directory.
    """
    lines = [
        line.strip() for line in (folder / work_files.LOG).read_text(errors="replace").splitlines() if line.strip()
    ]
    for line in lines[-LAST_LINES:]:
        log.error("trainer: %s", line)
    see_log = f"Its last {LAST_LINES} lines are in the log above."
    killed_by = signal.Signals(-returncode).name if returncode < 0 else _signal_of_a_rank(lines)
    reason = json.loads(file.read_text()) if (file := folder / work_files.FAILURE).exists() else None
    if reason and not (killed_by and LOST_PEER.search(reason["words"])):
        return TrainingFailed(f"the trainer ended with {reason['error']}: {reason['words'][:LONGEST_REASON]} {see_log}")
    if killed_by:
        return TrainingFailed(
            f"the trainer was ended by {killed_by}; the kernel sends SIGKILL when memory is full. {see_log}"
        )
    errors = [line for line in lines if ERROR_LINE.match(line)]
    last = (errors or lines or ["its log is empty"])[-1]
    return TrainingFailed(f"the trainer ended with exit code {returncode}: {last[:LONGEST_REASON]} {see_log}")


def _signal_of_a_rank(lines: list[str]) -> str | None:
    names = [match.group(1) for line in lines if (match := RANK_KILLED.search(line))]
    # When a rank has ended, the launcher sends the others SIGTERM.
    return next((name for name in names if name != "SIGTERM"), names[0] if names else None)
