"""Stores on a folder and on three kinds of S3 server, and a folder to publish."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.store.store import Store, open_store
from tests.s3_server import S3Server, serve_moto, serve_seaweedfs
from tests.store.mimic import MIMICS, Deviations, serve_mimic


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Another S3 server, which enforces `If-None-Match`."""
    with serve_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server of infra/compose.yaml."""
    with serve_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture
def moto_store(moto_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Set the environment for a store below its own prefix on that server. Returns its URL."""
    return _store_below(tmp_path.name, moto_server, monkeypatch)


@pytest.fixture
def seaweedfs_store(seaweedfs_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """As moto_store."""
    return _store_below(tmp_path.name, seaweedfs_server, monkeypatch)


def _store_below(prefix: str, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    url = f"s3://{server.bucket}/{prefix}"
    monkeypatch.setenv("HINDSIGHT_STORE", url)
    return url


DEVIATING = [pytest.param(deviations, id=name, marks=pytest.mark.slow) for name, deviations in MIMICS.items()]
"""Servers that are not as S3 is: `make test-slow` runs every test of a store against each."""


@contextmanager
def store_on(where: str | Deviations, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store on a folder, on a server that a fixture starts, or on one that deviates."""
    if not isinstance(where, Deviations):
        if where != "folder":
            request.getfixturevalue(where)
        yield open_store()
        return
    monkeypatch = request.getfixturevalue("monkeypatch")
    with serve_mimic(where) as mimic:
        for name, value in mimic.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HINDSIGHT_STORE", f"s3://{mimic.bucket}/prefix")
        yield open_store()


@pytest.fixture(params=["folder", "s3_store", pytest.param("seaweedfs_store", marks=pytest.mark.slow), *DEVIATING])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with store_on(request.param, request) as opened:
        yield opened


@pytest.fixture(params=["folder", "s3_store", "moto_store", "seaweedfs_store", *DEVIATING])
def any_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store on a folder, on rclone, on moto, on SeaweedFS."""
    with store_on(request.param, request) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made" / "deep").mkdir(parents=True)
    (tmp_path / "made" / "a.txt").write_text("alpha")
    (tmp_path / "made" / "deep" / "b.bin").write_bytes(bytes(range(256)) * 100)
    return tmp_path / "made"
