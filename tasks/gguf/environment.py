"""Starting the scripts of `inside`: processes of another environment, without secrets.

Those that `call` runs have no network. `serve` has: it listens on 127.0.0.1, wants its key, and is told no proxy.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

from tasks.common.environments import import_path, interpreter
from tasks.common.isolation import KEPT_VARIABLES
from tasks.common.lifeline import PARENT
from tasks.common.processes import end_tree
from tasks.gguf.errors import ExportEnvironmentMissing, GgufError

POLL_SECONDS = 0.2


def export_python() -> Path:
    """Interpreter of the export's environment: HINDSIGHT_EXPORT_PYTHON, else the one that was installed.

    Raises:
        ExportEnvironmentMissing: If it does not exist.
    """
    python, problem = interpreter("export")
    if problem:
        raise ExportEnvironmentMissing(f"the export's {problem}")
    return python


def call(script: str, arguments: dict[str, Any], log: Path, poll: Callable[[], None] = lambda: None) -> Any:
    """Run a script of `inside` to its end, in a process that cannot open a socket.

    Args:
        script: Its module's name.
        arguments: JSON values.
        log: Receives what the process prints.
        poll: Called a few times per second while it runs.

    Returns:
        What the script's `main` returned.

    Raises:
        GgufError: If the process fails; with the last line of the log.
    """
    answer = log.with_suffix(".json")
    answer.unlink(missing_ok=True)
    with log.open("wb") as output, started(script, arguments | {"answer": str(answer)}, output) as process:
        while True:
            try:
                process.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                poll()
    if process.returncode != 0 or not answer.is_file():
        raise GgufError(f"{script} ended with status {process.returncode}: {last_line(log)}")
    return json.loads(answer.read_text(encoding="utf-8"))


@contextmanager
def started(script: str, arguments: dict[str, Any], output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a script of `inside`; at the end of the context the process and all it started have ended.

    It is killed when this process ends, and its standard input closes then.
    """
    command = [str(export_python()), "-m", "tasks.gguf.inside", script, json.dumps(arguments)]
    # Not a session of its own: a cancelled run ends its process group, and the script must be in it.
    process = subprocess.Popen(
        command, env=_variables(), stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd="/"
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            end_tree(psutil.Process(process.pid))
        process.wait()
        if process.stdin:
            process.stdin.close()


def last_line(log: Path) -> str:
    """The last line of a log that is not of a progress bar; of a traceback it is the reason."""
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()
    return next((line for line in reversed(lines) if line.strip() and "%|" not in line), "nothing was printed")[:600]


def _variables() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    fixed = {
        "PYTHONPATH": str(import_path().absolute()),
        "PYTHONHASHSEED": "0",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": "",
        PARENT: str(os.getpid()),
    }
    return {"OMP_NUM_THREADS": "1"} | kept | fixed
