"""The services of infra/compose.yaml started without containers, from packages of the environment and of Debian.

What stands in a service's command, environment, secrets and health check is used as it is, but for these substitutions:

- a service has an address of its own in 127.0.0.0/8 in the place of a container's, so that every port stays: 0.0.0.0
  and 127.0.0.1 are that address, and the name of another service is the other's;
- /run/secrets, /data, /tmp and /var/lib/hindsight are folders of the test, /opt/hindsight is the project's;
- python, prefect and weed are the environment's programs;
- PostgreSQL's cluster is made by `tests.postgres`, as the image makes it from POSTGRES_*, with Debian's programs.

Not tried: the images, the accounts, read-only roots, the limits, the networks.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from deployments.secret_files import write_secrets
from tasks.common.settings import project_root
from tests.infra.compose_file import REPLICAS, Service, load_compose, services
from tests.postgres import postgres, programs
from tests.s3_server import program_of_the_environment
from tests.waiting import GENEROUS_SECONDS

INHERITED = ("PATH", "LANG", "OMP_NUM_THREADS", "HF_HUB_OFFLINE", "OPENBLAS_CORETYPE")


@dataclass
class Installation:
    """Running services.

    Args:
        folder: Of the test.
        services: As the files have them.
        addresses: By instance: a service's name, or `server-2` for its second replica.
        reached_at: Where others reach a service, if it is not its own address.
        started: Services, healthy or on their way.
        processes: By instance.
    """

    folder: Path
    services: dict[str, Service]
    addresses: dict[str, str]
    reached_at: dict[str, str] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def secrets_dir(self) -> Path:
        return self.folder / "secrets"

    def secret(self, name: str) -> str:
        return (self.secrets_dir / name).read_text().strip()

    def api(self, instance: str = "server") -> str:
        return f"http://{self.addresses[instance]}:4200/api"

    def environment(self, instance: str) -> dict[str, str]:
        """Of an instance's process."""
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        service = self.services.get(instance) or self.services[instance.rpartition("-")[0]]
        given = {key: self.here(value, instance) for key, value in service.environment.items()}
        hosts = {
            key: self.addresses[value]
            for key, value in given.items()
            if key.endswith("_HOST") and value in self.services
        }
        # The image's PATH begins with its environment.
        inherited["PATH"] = f"{Path(sys.executable).parent}:{inherited['PATH']}"
        return {**inherited, "TMPDIR": str(self.temporary_dir(instance)), **given, **hosts}

    @contextmanager
    def as_client(self) -> Iterator[None]:
        """This process as a client of server and store, with the services' secrets."""
        given = self.environment("worker-cpu")
        updates = {PREFECT_API_URL: self.api(), PREFECT_API_AUTH_STRING: f"hindsight:{self.secret('api-password')}"}
        with pytest.MonkeyPatch.context() as patch, temporary_settings(updates=updates):
            for name in ("HINDSIGHT_STORE", "HINDSIGHT_S3_ENDPOINT", "AWS_SHARED_CREDENTIALS_FILE", "AWS_REGION"):
                patch.setenv(name, given[name])
            yield

    def temporary_dir(self, instance: str) -> Path:
        folder = self.folder / f"tmp-{instance}"
        folder.mkdir(exist_ok=True)
        return folder

    def here(self, text: str, instance: str) -> str:
        """A text of a service's definition with the substitutions."""
        folders = {
            "/run/secrets": self.secrets_dir,
            "/var/lib/hindsight": self.folder / f"var-{instance}",
            "/opt/hindsight": project_root(),
            "/data": self.folder / f"data-{instance}",
            "/tmp": self.temporary_dir(instance),  # noqa: S108 (the container's)
        }
        text = re.sub(rf"(?<![\w/.-])({'|'.join(folders)})(?=[/ )]|$)", lambda hit: str(folders[hit[1]]), text)
        text = re.sub(r"(0\.0\.0\.0|127\.0\.0\.1)\b", self.addresses[instance], text)
        return self.with_addresses(text)

    def with_addresses(self, text: str) -> str:
        """The names of services where they are hosts, as their addresses."""
        names = "|".join(sorted(self.services, key=len, reverse=True))
        return re.sub(rf"(?:(?<=//)|(?<=@))({names})(?=:\d)", lambda hit: self._reached(hit[1]), text)

    def _reached(self, name: str) -> str:
        return self.reached_at.get(name, self.addresses[name])

    def start(self, name: str, instance: str | None = None) -> None:
        """Start a service after those it needs, and wait until it is healthy, or has ended where that is its end.

        Args:
            name: Of the service.
            instance: Of another replica.
        """
        service, instance = self.services[name], instance or name
        if instance in self.started:
            return
        self.started.add(instance)
        for needed in service.needs:
            self.start(needed)
        for volume in ("data", "var"):
            (self.folder / f"{volume}-{instance}").mkdir(exist_ok=True)
        if name == "postgres":
            self.stack.enter_context(self._postgres(service))
            assert self.is_healthy(service, name)
            return
        program, *arguments = [self.here(word, instance) for word in service.command]
        # A container's first process inherits no ignored signals; one that a background shell started would.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with (self.folder / f"{instance}.log").open("ab") as log:
            self.processes[instance] = subprocess.Popen(
                [_program(program), *arguments],
                cwd=self.here(service.fields.get("working_dir", "/data"), instance),
                env=self.environment(instance),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait(service, instance)

    def stop(self, instance: str) -> None:
        """SIGTERM to a service's process; when it has ended, SIGKILL to what is left, as where a container ends."""
        self.started.remove(instance)
        process = self.processes.pop(instance)
        others = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(timeout=GENEROUS_SECONDS)
        for each in others:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(others, timeout=60)

    def kill(self, instance: str) -> None:
        """SIGKILL to a service's process and its children."""
        self.started.remove(instance)
        process = self.processes.pop(instance)
        for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            each.send_signal(signal.SIGKILL)
        process.wait(timeout=60)

    def log(self, instance: str) -> str:
        return (self.folder / f"{instance}.log").read_text(errors="replace")

    def end(self) -> None:
        # Without waiting for their clients, as SeaweedFS does for ten seconds.
        for instance in [name for name, process in self.processes.items() if process.poll() is None]:
            self.kill(instance)
        self.stack.close()

    def _wait(self, service: Service, instance: str) -> None:
        process, deadline = self.processes[instance], time.monotonic() + GENEROUS_SECONDS
        while time.monotonic() < deadline:
            if service.fields["restart"] == "no":
                assert process.wait(timeout=GENEROUS_SECONDS) == 0, self.log(instance)
                return
            assert process.poll() is None, self.log(instance)
            if service.health_check is None or self.is_healthy(service, instance):
                return
            time.sleep(0.5)
        raise AssertionError(f"{instance} did not become healthy: {self.log(instance)[-2000:]}")

    def is_healthy(self, service: Service, instance: str) -> bool:
        """Run the service's own health check."""
        program, *arguments = [self.here(word, instance) for word in service.health_check or ()]
        check = subprocess.run([_program(program), *arguments], capture_output=True, env=self.environment(instance))
        return check.returncode == 0

    @contextmanager
    def _postgres(self, service: Service) -> Iterator[None]:
        given = service.environment
        settings = dict(word.split("=") for word in service.command[1:] if "=" in word)
        with postgres(
            address=(self.addresses["postgres"], 5432),
            user=given["POSTGRES_USER"],
            database=given["POSTGRES_DB"],
            password=Path(self.here(given["POSTGRES_PASSWORD_FILE"], "postgres")).read_text(),
            settings=settings,
        ):
            yield


@contextmanager
def installation(folder: Path, *files: str) -> Iterator[Installation]:
    """Nothing started yet; everything that is started meanwhile ends with the block."""
    found = services(load_compose(*files))
    net = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}"
    names = [*found, "server-2", "every server"]
    addresses = {name: f"{net}.{number}" for number, name in enumerate(names, start=2)}
    reached_at = {"server": addresses["every server"]} if REPLICAS in files else {}
    running = Installation(folder, found, addresses, reached_at)
    for path in write_secrets(running.secrets_dir).values():
        path.write_text(running.with_addresses(path.read_text()))
    try:
        yield running
    finally:
        running.end()


def _program(name: str) -> str:
    if name == "python":
        return sys.executable
    found = shutil.which(program_of_the_environment(name)) or shutil.which(name, path=str(programs()))
    if found is None:
        pytest.skip(f"{name} is absent; install it, such as by `apt-get install {name}`")
    return found
