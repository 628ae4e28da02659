"""`python -m tests`: all fast tests in three processes side by side; their lines are printed as they come.

Tests that share a server run in one process and in their order; they mostly wait for it. (pytest-xdist
3.8.0 does not keep its groups together under pytest 9.2.)

Every process computes with one thread: two processes of two threads each on two cores wait for one another at every
barrier. Measured on the smoke recipe, beside other tests: training at 124 tokens per second and not 947, embedding at
2,100 instead of 38,000 (torch 2.13.0 CPU).
"""

import os
import subprocess
import sys
import threading

from tasks.common.settings import project_root

PARTS = {
    "fast": ["-m", "not slow and not server and not trainer"],
    # Those that wait for a server, then those that train without one: together they take as long as the other parts.
    "server": ["-m", "not slow and (server or trainer) and not (server and trainer)"],
    # What is trained through a server, and all tests that look at it.
    "trained": ["-m", "not slow and server and trainer"],
}


def main() -> int:
    """Run the parts; the worst of their exit codes."""
    started = {name: _start(name, arguments) for name, arguments in PARTS.items()}
    readers = [threading.Thread(target=_print_lines, args=part) for part in started.items()]
    try:
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    except KeyboardInterrupt:
        # The terminal interrupts the parts as well: they end their servers first.
        for reader in readers:
            reader.join()
    codes = {name: process.wait() for name, process in started.items()}
    print("; ".join(f"{name}: {'passed' if code == 0 else f'exit code {code}'}" for name, code in codes.items()))
    return max(codes.values())


def _start(name: str, arguments: list[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{name}", "--durations=15", *arguments]
    return subprocess.Popen(
        [*command, *sys.argv[1:]],
        cwd=project_root(),
        env={"OMP_NUM_THREADS": "1", **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _print_lines(name: str, process: "subprocess.Popen[str]") -> None:
    for line in process.stdout or ():
        print(f"{name:7} {line.rstrip()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
