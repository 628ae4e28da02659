"""rclone's S3 server over a folder: the real protocol, a process of its own."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ACCESS_KEY = "hindsight-test-access"
SECRET_KEY = "hindsight-test-secret-4f1c"


@dataclass(frozen=True)
class S3Server:
    """Where it listens, and the folder its objects lie in."""

    endpoint: str
    folder: Path
    bucket: str = "hindsight"

    def environment(self) -> dict[str, str]:
        """What a client's environment must say."""
        return {
            "HINDSIGHT_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_s3(folder: Path) -> Iterator[S3Server]:
    """Serve a folder by S3 until the block ends."""
    server = S3Server(f"http://127.0.0.1:{free_port()}", folder)
    (folder / server.bucket).mkdir()
    rclone = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
    command = [rclone, "serve", "s3", str(folder), "--addr", server.endpoint.removeprefix("http://")]
    process = subprocess.Popen([*command, "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"], stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_listens(server.endpoint, process)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_it_listens(endpoint: str, process: "subprocess.Popen[bytes]") -> None:
    host, port = endpoint.removeprefix("http://").split(":")
    for _ in range(200):
        assert process.poll() is None, "rclone ended at its start"
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"rclone does not listen at {endpoint}")
