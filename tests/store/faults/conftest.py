"""Three servers, a fault proxy per test, small blobs and short waits."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.retries.standard import ExponentialBackoff
from botocore.session import Session, get_session

from tests.s3_server import S3Server
from tests.store.faults.proxy import fault_proxy
from tests.store.faults.site import Site, write_files


@pytest.fixture(scope="session")
def client_library() -> Session:
    """botocore with its description of S3 read once: saves a twentieth of a second per client."""
    return get_session()


PAUSE = ExponentialBackoff.delay_amount


def cap_pauses(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Limit the pause between two attempts."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda self, context: min(PAUSE(self, context), seconds))


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch, client_library: Session) -> None:
    """Short timeouts, pauses of at most a fiftieth of a second between attempts, and no retry after the last."""
    monkeypatch.setattr("tasks.store.s3_client.get_session", lambda: client_library)
    cap_pauses(monkeypatch, 0.02)
    monkeypatch.setattr("tasks.store.s3_objects.RETRY_SECONDS", 0.0)
    monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", "2")


def site_of(server: S3Server, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A fault proxy, a folder and a store of one test."""
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    scratch: Path = request.getfixturevalue("tmp_path")
    request.getfixturevalue("short_waits")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    url = f"s3://{server.bucket}/faults-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    with fault_proxy(server.address) as proxy:
        yield Site(server, proxy, url, write_files(scratch / "made"), scratch, monkeypatch)


def _server(request: pytest.FixtureRequest) -> S3Server:
    server: S3Server = request.getfixturevalue(SERVERS[request.param])
    return server


SERVERS = {"rclone": "s3_server", "moto": "moto_server", "seaweedfs": "seaweedfs_server"}
SLOW_SEAWEEDFS = pytest.param("seaweedfs", marks=pytest.mark.slow)


@pytest.fixture(params=["rclone", pytest.param("moto", marks=pytest.mark.slow), SLOW_SEAWEEDFS])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The same test on every server; on all but the first it is marked slow."""
    yield from site_of(_server(request), request)


@pytest.fixture(params=["rclone", "moto", SLOW_SEAWEEDFS])
def each_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The same test on every server, for behaviour in which they differ."""
    yield from site_of(_server(request), request)


@pytest.fixture
def rclone_site(s3_server: S3Server, request: pytest.FixtureRequest) -> Iterator[Site]:
    yield from site_of(s3_server, request)


@pytest.fixture
def moto_site(moto_server: S3Server, request: pytest.FixtureRequest) -> Iterator[Site]:
    yield from site_of(moto_server, request)


@pytest.fixture
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attempts per request, so that a lasting fault is reported soon."""
    monkeypatch.setattr("tasks.store.s3_client.N_ATTEMPTS", 2)
