"""What a machine has: GPUs and driver, memory, disk, shared memory, and the packages of the trainer's environment."""

import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import psutil

from tasks.common.errors import HindsightError
from tasks.common.settings import Frozen, state_dir
from tasks.train.pipeline.launch import trainer_environment, trainer_python
from tasks.train.pipeline.package_rules import KERNEL_MODULES, installed_packages

DRIVER_FILE = Path("/proc/driver/nvidia/version")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (its size is read)
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container, under cgroups 2 and 1."""
REPORT_SECONDS = 300
"""Torch and the kernels imported from a cold disk."""


class GpuFacts(Frozen):
    """One GPU, as torch sees it."""

    name: str
    memory_bytes: int


class TrainerFacts(Frozen):
    """The trainer's environment; where it has a problem, the other fields are empty."""

    problem: str = ""
    """Why it cannot be asked, or why its torch cannot use a GPU."""
    torch: str = ""
    cuda: str | None = None
    """CUDA version that torch is built for; None for a CPU build."""
    gpus: tuple[GpuFacts, ...] = ()
    packages: dict[str, str] = {}
    """Versions of the packages that rules are about."""
    broken: dict[str, str] = {}
    """By module of the kernels that cannot be imported, the error; none were tried without a GPU."""


class MachineFacts(Frozen):
    """A machine, measured in bytes."""

    machine: str
    """Its host name."""
    n_cores: int
    memory_bytes: int
    """Of the machine, or a container's limit."""
    disk_free_bytes: int
    """Below HINDSIGHT_STATE."""
    shared_memory_bytes: int
    """Size of /dev/shm; 0 without one."""
    driver: str
    """Version of NVIDIA's driver; empty without one."""
    trainer: TrainerFacts


def find_facts() -> MachineFacts:
    """Look at this machine. Takes the seconds that torch needs to be imported in the trainer's environment."""
    return MachineFacts(
        machine=platform.node(),
        n_cores=len(os.sched_getaffinity(0)),
        memory_bytes=min(psutil.virtual_memory().total, *_memory_limits()),
        disk_free_bytes=shutil.disk_usage(nearest_existing(state_dir())).free,
        shared_memory_bytes=shutil.disk_usage(SHARED_MEMORY).total if SHARED_MEMORY.is_dir() else 0,
        driver=_driver(),
        trainer=find_trainer_facts(),
    )


def find_trainer_facts() -> TrainerFacts:
    """Ask the trainer's interpreter, which imports its torch in a process of its own."""
    try:
        command = [str(trainer_python()), "-m", "tasks.train.trainer.machine_report", *KERNEL_MODULES]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=_seeing_all_gpus(), timeout=REPORT_SECONDS
        )
        packages = installed_packages()
    except HindsightError as error:
        return TrainerFacts(problem=str(error))
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["nothing was printed"])[-1][:300]
        return TrainerFacts(problem=f"the trainer's interpreter cannot report: {last}")
    except subprocess.TimeoutExpired:
        return TrainerFacts(problem=f"the trainer's interpreter did not report within {REPORT_SECONDS} s")
    return TrainerFacts.model_validate(json.loads(done.stdout.splitlines()[-1]) | {"packages": packages})


def nearest_existing(path: Path) -> Path:
    """The path itself, or its closest existing parent."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())


def _seeing_all_gpus() -> dict[str, str]:
    """The trainer's environment, but with this process's GPUs and not those of one arm's ranks."""
    visible = "CUDA_VISIBLE_DEVICES"
    kept = {visible: os.environ[visible]} if visible in os.environ else {}
    return {name: value for name, value in trainer_environment().items() if name != visible} | kept


def _memory_limits() -> list[int]:
    texts = [file.read_text().strip() for file in MEMORY_LIMITS if file.is_file()]
    return [int(text) for text in texts if text.isdecimal()]


def _driver() -> str:
    found = re.search(r"\s(\d+(?:\.\d+)+)\s", DRIVER_FILE.read_text()) if DRIVER_FILE.is_file() else None
    return found.group(1) if found else ""
