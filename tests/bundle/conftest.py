"""A made-up run in a store, and its bundle."""

import shutil
from pathlib import Path

import pytest

from tasks.bundle.write import write_bundle
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.bundle.made_run import made_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, ArtifactRef]:
    """The store and the report in it. The environment names them only while they are made."""
    state = tmp_path_factory.mktemp("run")
    (state / "files").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HINDSIGHT_STATE", str(state))
        patch.setenv("HINDSIGHT_STORE", str(state / "store"))
        store = open_store()
        return store, made_run(store, state / "files")


@pytest.fixture(scope="session")
def written(run: tuple[Store, ArtifactRef], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that no test changes."""
    target = tmp_path_factory.mktemp("bundle") / "bundle"
    write_bundle(*run, target)
    return target


@pytest.fixture
def bundle(written: Path, tmp_path: Path) -> Path:
    """A bundle to be changed."""
    return Path(shutil.copytree(written, tmp_path / "changed"))
