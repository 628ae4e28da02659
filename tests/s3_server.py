"""S3 servers of three makers, each a process of its own: rclone over a folder, moto in memory, SeaweedFS."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from botocore.config import Config
from botocore.session import get_session

from tasks.store.s3_client import s3_client

ACCESS_KEY = "hindsight-test-access"
SECRET_KEY = "hindsight-test-secret-4f1c"


class EndedAtStart(Exception):
    """A server that ended before it listened."""


@dataclass
class S3Server:
    """Where it listens, how it is started, and its folder: rclone's holds the objects as files."""

    endpoint: str
    command: list[str]
    folder: Path
    bucket: str = "hindsight"
    process: "subprocess.Popen[bytes] | None" = None

    def environment(self) -> dict[str, str]:
        """What a client's environment must say."""
        return {
            "HINDSIGHT_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self.endpoint.removeprefix("http://").split(":")
        return host, int(port)

    def put(self, key: str, content: bytes) -> str:
        """Write an object, by the environment's keys; a file put into rclone's folder is seen late. Gives its URL."""
        s3_client().put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def start(self) -> None:
        """Start the process and wait until it listens."""
        # SeaweedFS gives every right to the keys that its environment has.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.process = subprocess.Popen(
            self.command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(2400):
            if self.process.poll() is not None:
                raise EndedAtStart(f"{self.command[0]} ended at its start")
            with socket.socket() as probe:
                if probe.connect_ex(self.address) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{self.command[0]} does not listen at {self.endpoint}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process; SIGKILL is a power cut."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(timeout=60)

    def restart(self, seconds_down: float = 0.3) -> None:
        """A power cut, some seconds of nothing, and the same address again."""
        self.stop(signal.SIGKILL)
        time.sleep(seconds_down)
        self.start()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_s3(folder: Path) -> Iterator[S3Server]:
    """rclone: serve a folder by S3 until the block ends."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        program_of_the_environment("rclone"),
        "serve",
        "s3",
        str(folder),
        "--addr",
        address,
        "--auth-key",
        f"{ACCESS_KEY},{SECRET_KEY}",
    ]
    server = S3Server(f"http://{address}", command, folder)
    (folder / server.bucket).mkdir()
    with _running(server):
        yield server


@contextmanager
def serve_moto(folder: Path) -> Iterator[S3Server]:
    """moto: objects in the memory of its process, gone with it; it enforces If-None-Match, rclone does not."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = S3Server(f"http://127.0.0.1:{port}", command, folder)
    with _running(server):
        connection = HTTPConnection(*server.address, timeout=60)
        connection.request("PUT", f"/{server.bucket}")
        assert connection.getresponse().status == 200, "moto made no bucket"
        connection.close()
        yield server


@contextmanager
def serve_seaweedfs(folder: Path) -> Iterator[S3Server]:
    """SeaweedFS: master, volumes, filer and S3 in one process, as infra/compose.yaml starts it."""
    keys = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    config = folder / "s3.json"
    identity = {"name": "test", "credentials": [keys], "actions": [f"Admin:{S3Server.bucket}"]}
    config.write_text(json.dumps({"identities": [identity]}))
    fixed = [
        *(
            program_of_the_environment("weed"),
            "server",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-s3",
            f"-s3.config={config}",
        ),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-master.electionTimeout=1s"),
        *("-volume.max=0", "-master.volumeSizeLimitMB=1024"),
    ]
    server = _started_on_free_ports(fixed, folder)
    try:
        _make_bucket(server)
        yield server
    finally:
        server.stop(signal.SIGKILL)


def _started_on_free_ports(fixed: list[str], folder: Path) -> S3Server:
    """Of eight ports that were free one may be taken until SeaweedFS listens to it, which then ends: it gets others."""
    # Without one of its own, each part's second port is its first plus 10,000, which may be none.
    parts = ("master", "volume", "filer", "s3")
    for n_left in (2, 1, 0):
        ports = {name: free_port() for part in parts for name in (f"{part}.port", f"{part}.port.grpc")}
        command = [*fixed, *(f"-{name}={port}" for name, port in ports.items())]
        server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", command, folder)
        try:
            server.start()
            break
        except EndedAtStart:
            if not n_left:
                raise
    return server


def _make_bucket(server: S3Server) -> None:
    """By these keys, and not the environment's, which are a test's. It listens some seconds before it can write."""
    client = get_session().create_client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"mode": "standard", "total_max_attempts": 10}),
    )
    client.create_bucket(Bucket=server.bucket)
    client.put_object(Bucket=server.bucket, Key="first", Body=b"written once the volumes are there")
    client.delete_object(Bucket=server.bucket, Key="first")


def program_of_the_environment(name: str) -> str:
    """A program that a package brought, else the machine's."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name


@contextmanager
def _running(server: S3Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        # rclone would wait ten seconds for a client that left its connection open.
        server.stop(signal.SIGKILL)
