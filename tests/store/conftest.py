"""A store on a folder and on S3, and a folder to publish."""

from pathlib import Path

import pytest

from tasks.store.store import Store, open_store


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "s3":
        request.getfixturevalue("s3_store")
    return open_store()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made" / "deep").mkdir(parents=True)
    (tmp_path / "made" / "a.txt").write_text("alpha")
    (tmp_path / "made" / "deep" / "b.bin").write_bytes(bytes(range(256)) * 100)
    return tmp_path / "made"
