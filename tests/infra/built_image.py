"""Tries an image that buildah has built: `python -m tests.infra.built_image hindsight-cpu`, as root.

In a chroot of the image, as its account and with its environment: what the account may write, the doctor, the server,
and on that the image's own command with the image's own health check, to its end by SIGTERM. It is no container: the
network is the machine's, nothing is limited, and the root is writable where the account may write.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from tests.flows.stage_runs import until
from tests.s3_server import free_port

STORE = {"HINDSIGHT_STORE": "/var/lib/hindsight/store"}


@dataclass(frozen=True)
class Built:
    """A working container of an image.

    Args:
        container: Its name.
        config: Of the image, in Docker's words.
    """

    container: str
    config: dict[str, Any]

    def command(self, words: list[str], variables: dict[str, str]) -> list[str]:
        given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        return ["buildah", "run", "--isolation", "chroot", *given, self.container, "--", *words]

    def run(self, words: list[str], variables: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(self.command(words, variables or {}), capture_output=True, text=True)

    @contextmanager
    def running(self, words: list[str], variables: dict[str, str]) -> Iterator[psutil.Process]:
        """A command that is ended with the block, if it has not ended by itself. Gives its first process."""
        # A container's first process inherits no ignored signals; one that a background shell started would.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        started = psutil.Popen(self.command(words, variables))
        try:
            yield until(lambda: next((each for each in started.children(True) if each.name() == words[0]), None))
        finally:
            for each in started.children(recursive=True):
                each.kill()
            started.wait()


@contextmanager
def built(image: str) -> Iterator[Built]:
    """A working container, removed with the block."""
    inspected = subprocess.run(["buildah", "inspect", "--type", "image", image], capture_output=True, check=True)
    made = subprocess.run(["buildah", "from", "--pull-never", image], capture_output=True, check=True, text=True)
    try:
        yield Built(made.stdout.strip(), json.loads(inspected.stdout)["Docker"]["config"])
    finally:
        subprocess.run(["buildah", "rm", made.stdout.strip()], stdout=subprocess.DEVNULL, check=True)


def try_account(image: Built) -> None:
    """It is 10001, and writes its own folder and nothing of the project."""
    places = ("/opt/hindsight", "/opt/hindsight/.venv", "/opt/hindsight/tasks", "/usr/bin")
    may_write = [f"touch {place}/x && echo {place}" for place in (*places, "/var/lib/hindsight")]
    done = image.run(["sh", "-c", f"id -u; ({'; '.join(may_write)}) 2>/dev/null; true"])
    assert done.stdout.split() == ["10001", "/var/lib/hindsight"], done.stdout + done.stderr


def try_doctor(image: Built) -> None:
    """Nothing is missing."""
    done = image.run(["hindsight", "doctor", "--pool", "cpu"], STORE)
    print(done.stdout)
    assert done.returncode == 0, done.stderr


def try_worker(image: Built) -> None:
    """The image's command serves its pool, is healthy by the image's check, and ends when it is told to."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    client = {**STORE, "PREFECT_API_URL": api}
    # As compose has it: the account cannot unpack the UI into the environment.
    server = {"PREFECT_SERVER_API_PORT": str(port), "PREFECT_SERVER_UI_STATIC_DIRECTORY": "/tmp/ui"}  # noqa: S108
    with image.running(["python", "-m", "deployments.server"], server):
        until(lambda: _answers(f"{api}/ready"))
        registered = image.run(["python", "-m", "deployments.pools"], client)
        assert registered.returncode == 0, registered.stderr
        first, *words = [*image.config["Entrypoint"], *image.config["Cmd"]]
        with image.running([first.rpartition("/")[2], *words], client) as worker:
            kind, *check = image.config["Healthcheck"]["Test"]
            assert kind == "CMD"
            # The check answers from the start, for the time before the first poll.
            until(lambda: httpx.post(f"{api}/work_pools/cpu/workers/filter", json={}).json())
            until(lambda: image.run(check).returncode == 0)
            worker.terminate()
            until(lambda: not worker.is_running())


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    with built(sys.argv[1]) as image:
        for attempt in (try_account, try_doctor, try_worker):
            attempt(image)
            print(f"{attempt.__name__}: {(attempt.__doc__ or '').strip()}", flush=True)
