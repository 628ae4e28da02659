"""Runs a trial's parts one after another, each in a process of its own; a later call takes over what is finished."""

import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import psutil
from pydantic import ValidationError

from tasks.common.environments import import_path
from tasks.common.errors import HindsightError
from tasks.common.fsync import write_durably
from tasks.common.lifeline import PARENT
from tasks.common.processes import end_tree
from tasks.gpu_trial.part_process import ERROR, FINDINGS
from tasks.gpu_trial.parts import PARTS, TRIAL_SECONDS, Part
from tasks.gpu_trial.schema import Findings, GpuTrial, PartRecord, Size, Status, limit_of

log = logging.getLogger(__name__)

RECORD = "trial.json"
LEAST_SECONDS = 5.0
"""A part with less time left is not started."""
DEVICE = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu')"


class NoGpu(HindsightError):
    """A trial of full size on a machine whose GPU torch does not see."""


class UnknownPart(HindsightError):
    """A name that is no part's."""


def run_trial(
    size: Size,
    folder: Path,
    again: Collection[str] = (),
    seconds: float | None = None,
    parts: Sequence[Part] = PARTS,
) -> Iterator[GpuTrial]:
    """Run the parts that are not finished, and give the whole trial after each.

    Args:
        size: Of models and panels.
        folder: Has a record and a log of each part; `trial.json` and the page are written by the caller.
        again: Names of parts that are run in any case.
        seconds: Of all parts together; those that do not fit are left to the next call. By default TRIAL_SECONDS; ten
            times as long at small size.
        parts: In their order.

    Raises:
        NoGpu: If the full size is asked for, and the pipeline's torch sees no GPU.
        UnknownPart: If `again` has a name that is no part's.
    """
    if unknown := sorted(set(again) - {part.name for part in parts}):
        raise UnknownPart(f"part {unknown[0]!r} is unknown; it is one of {', '.join(part.name for part in parts)}.")
    started, device, code = time.monotonic(), device_name(), code_digest()
    seconds = limit_of(size, TRIAL_SECONDS) if seconds is None else seconds
    if size == "full" and device == "cpu":
        raise NoGpu(
            "the full size needs a GPU, and torch of the pipeline's environment sees none; --size small runs every "
            "part on a CPU, and `hindsight doctor` says what this machine has."
        )
    records = {part.name: _kept(part, size, device, code, folder) for part in parts}
    for part in parts:
        if records[part.name] is None or part.name in again:
            left = seconds - (time.monotonic() - started)
            records[part.name] = _run(part, size, device, code, folder, min(limit_of(size, part.seconds), left))
        found = [record for record in records.values() if record]
        yield GpuTrial(device=device, size=size, seconds=time.monotonic() - started, parts=tuple(found))


@cache
def device_name() -> str:
    """As torch names the GPU, or `cpu`. Asked in another process: a context on the GPU keeps memory that parts need."""
    found = subprocess.run([sys.executable, "-c", DEVICE], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def code_digest() -> str:
    """sha256 of all modules below `tasks`."""
    root, digest = Path(__file__).resolve().parents[1], hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _kept(part: Part, size: Size, device: str, code: str, folder: Path) -> PartRecord | None:
    """The record of an earlier call, if the part is finished and would do the same now."""
    with suppress(FileNotFoundError, ValidationError):
        record = PartRecord.model_validate_json(_record_file(part, folder).read_bytes())
        if (record.status, record.size, record.device, record.code) == ("finished", size, device, code):
            return record
    return None


def _run(part: Part, size: Size, device: str, code: str, folder: Path, limit: float) -> PartRecord:
    started_at, started = datetime.now(UTC), time.monotonic()
    status, error, found = _outcome(part, size, folder, limit) if limit >= LEAST_SECONDS else _no_time(limit)
    record = PartRecord(
        name=part.name,
        status=status,
        size=size,
        device=device,
        code=code,
        started_at=started_at,
        seconds=round(time.monotonic() - started, 3),
        limit_seconds=round(max(limit, 0.0), 3),
        error=error,
        figures=found.figures,
        checks=found.checks,
    )
    file = _record_file(part, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, record.model_dump_json(indent=1) + "\n")
    log.info("%s: %s after %.0f s%s", part.name, record.status, record.seconds, f"; {error}" if error else "")
    return record


def _no_time(limit: float) -> tuple[Status, str, Findings]:
    return "not started", f"{max(limit, 0):.0f} s were left; run the trial again.", Findings(figures={})


def _outcome(part: Part, size: Size, folder: Path, limit: float) -> tuple[Status, str, Findings]:
    """How the part's process ended, why if it did not finish, and what it found."""
    work, log_file = folder / "work" / part.name, folder / "logs" / f"{part.name}.log"
    shutil.rmtree(work, ignore_errors=True)
    for needed in (work, log_file.parent):
        needed.mkdir(parents=True, exist_ok=True)
    try:
        code = _wait(part, size, work, log_file, limit)
        if (file := work / FINDINGS).exists():
            return "finished", "", Findings.model_validate_json(file.read_bytes())
        if code is None:
            return "out of time", f"it was ended after {limit:.0f} s; see logs/{part.name}.log.", Findings(figures={})
        told = work / ERROR
        error = json.loads(told.read_text()) if told.exists() else f"its process ended with {_name(code)}"
        return "failed", error, Findings(figures={})
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _wait(part: Part, size: Size, work: Path, log_file: Path, limit: float) -> int | None:
    """The exit status of the part's process; None if it was ended at its limit."""
    command = [sys.executable, "-m", "tasks.gpu_trial.part_process", part.function, size, str(work.absolute())]
    paths = [str(import_path()), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), PARENT: str(os.getpid())}
    with log_file.open("wb") as output:
        process = subprocess.Popen(command, cwd=work, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                end_tree(psutil.Process(process.pid))
                process.wait()


def _name(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _record_file(part: Part, folder: Path) -> Path:
    return folder / "parts" / f"{part.name}.json"
