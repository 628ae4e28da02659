"""Stores on a folder and on two kinds of S3 server, and a folder to publish."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.store.store import Store, open_store
from tests.s3_server import S3Server, serve_moto


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Another S3 server, which enforces `If-None-Match`."""
    with serve_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def moto_store(moto_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Set the environment for a store below its own prefix on that server. Returns its URL."""
    for name, value in moto_server.environment().items():
        monkeypatch.setenv(name, value)
    url = f"s3://{moto_server.bucket}/{tmp_path.name}"
    monkeypatch.setenv("HINDSIGHT_STORE", url)
    return url


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "s3":
        request.getfixturevalue("s3_store")
    return open_store()


@pytest.fixture(params=["folder", "s3_store", "moto_store"])
def any_store(request: pytest.FixtureRequest) -> Store:
    """A store on a folder, on rclone, on moto."""
    if request.param != "folder":
        request.getfixturevalue(request.param)
    return open_store()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made" / "deep").mkdir(parents=True)
    (tmp_path / "made" / "a.txt").write_text("alpha")
    (tmp_path / "made" / "deep" / "b.bin").write_bytes(bytes(range(256)) * 100)
    return tmp_path / "made"
