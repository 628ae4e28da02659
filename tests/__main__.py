"""`python -m tests`: types and all fast tests in five processes side by side; their lines are printed as they come.

Wrong types end the tests: the lines of the part "types" say where.

Tests that share a server run in one process and in their order; they mostly wait for it. (pytest-xdist
3.8.0 does not keep its groups together under pytest 9.2.)

Every process computes with one thread: two processes of two threads each on two cores wait for one another at every
barrier. Measured on the smoke recipe, beside other tests: training at 124 tokens per second and not 947, embedding at
2,100 instead of 38,000 (torch 2.13.0 CPU).

Bytecode is written even where the environment forbids it, as many container images do: otherwise each of the hundreds
of processes that tests start compiles the project again.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable

from tasks.common.settings import project_root

MYPY = [sys.executable, "-m", "mypy"]
PYTEST = [sys.executable, "-m", "pytest", "--durations=15"]
FAST = "not slow and not server and not trainer"
PARTS = {
    "types": MYPY,
    "fast 1": [*PYTEST, "--half", "first", "-m", FAST],
    "fast 2": [*PYTEST, "--half", "second", "-m", FAST],
    # Those that wait for a server, then those that train without one: together they take as long as the other parts.
    "server": [*PYTEST, "--waiting-files", "-m", "not slow and (server or trainer) and not (server and trainer)"],
    # What is trained through a server, and all tests that look at it.
    "trained": [*PYTEST, "--waiting-files", "-m", "not slow and server and trainer"],
}


def main() -> int:
    """Run the parts; the worst of their exit codes."""
    started = {name: _start(name, command) for name, command in PARTS.items()}
    readers = {name: threading.Thread(target=_print_lines, args=(name, part)) for name, part in started.items()}
    try:
        for reader in readers.values():
            reader.start()
        readers["types"].join()
        if started["types"].wait() != 0:
            _interrupt(started.values())
        for reader in readers.values():
            reader.join()
    except KeyboardInterrupt:
        # The terminal interrupts the parts as well: they end their servers first.
        for reader in readers.values():
            reader.join()
    codes = {name: process.wait() for name, process in started.items()}
    print("; ".join(f"{name}: {'passed' if code == 0 else f'exit code {code}'}" for name, code in codes.items()))
    return max(codes.values())


def _start(name: str, command: list[str]) -> "subprocess.Popen[str]":
    environment = {variable: value for variable, value in os.environ.items() if variable != "PYTHONDONTWRITEBYTECODE"}
    options = [] if name == "types" else ["-o", f"cache_dir=.pytest_cache/{name}", *sys.argv[1:]]
    return subprocess.Popen(
        [*command, *options],
        cwd=project_root(),
        env={"OMP_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _interrupt(parts: Iterable["subprocess.Popen[str]"]) -> None:
    for part in parts:
        if part.poll() is None:
            part.send_signal(signal.SIGINT)


def _print_lines(name: str, process: "subprocess.Popen[str]") -> None:
    for line in process.stdout or ():
        print(f"{name:7} {line.rstrip()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
