"""What every test shares: a state folder of its own, and real servers where a test asks for one."""

import gc
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.common.settings import project_root
from tests.local_stack import Stack, local_stack
from tests.s3_server import S3Server, serve_s3
from tests.tokenizers_read_once import read_once

# How fast a machine is decides no test.
settings.register_profile("hindsight", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hindsight")

# Where there is a network, no test asks the real hub; those that serve one of their own say so.
os.environ["HF_HUB_OFFLINE"] = "1"


FIRST = ("test_end_to_end.py", "test_operate.py", "test_operate_ui.py")
"""The first looks at what a server does that has never run anything; what each leaves in the store the next uses."""


WAITING = ("server", "trainer")
"""Markers of the tests that mostly wait for other processes."""

SECOND_HALF_FROM = "premium"
"""The folder of tests, in the alphabet, from which on the rest takes as long as those before it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The parts that wait need not import what the others test, which takes each of them half a minute."""
    parser.addoption("--waiting-files", action="store_true", help=f"only files that name a marker of {WAITING}")
    parser.addoption("--half", choices=("first", "second"), help="only the first, or second, half of the folders")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The other files, if so asked."""
    if collection_path.parent == Path(__file__).parent and (half := config.getoption("half")):
        return True if (collection_path.name < SECOND_HALF_FROM) != (half == "first") else None
    left_out = config.getoption("waiting_files") and collection_path.suffix == ".py"
    return True if left_out and not _names_a_marker(collection_path) else None


@cache
def _names_a_marker(file: Path) -> bool:
    text = file.read_text()
    return any(f"mark.{name}" in text for name in WAITING)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The demo's own runs come first.

    Raises:
        pytest.UsageError: If a marked test is in a file that does not name its marker.
    """
    for item in items:
        if any(map(item.get_closest_marker, WAITING)) and not _names_a_marker(item.path):
            raise pytest.UsageError(f"no part of `python -m tests` runs {item.nodeid}: name its marker in its own file")
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


def pytest_collection_finish() -> None:
    """Leave what the collection made to itself: scanning it again and again took a tenth of the tests' time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees another's store or the user's."""
    for name in [name for name in os.environ if name.startswith(("HINDSIGHT_", "AWS_"))]:
        monkeypatch.delenv(name)
    state = tmp_path / "state"
    monkeypatch.setenv("HINDSIGHT_STATE", str(state))
    return state


@pytest.fixture(scope="session", autouse=True)
def large_tokenizers_read_once() -> Iterator[None]:
    with read_once():
        yield


@pytest.fixture
def shared_dir() -> Path:
    """The folder with the real panel and the goldens; it lies beside a checkout, not in it."""
    folder = project_root().parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; the goldens are kept beside the project")
    return folder


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server process with one bucket."""
    with serve_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3_store(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The environment of a store below a prefix of its own on the S3 server. Gives its URL."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    url = f"s3://{s3_server.bucket}/{request.node.name.replace('[', '-').replace(']', '')}"
    monkeypatch.setenv("HINDSIGHT_STORE", url)
    return url


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One Prefect server with a worker per pool, for all tests that need one."""
    with local_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def on_stack(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """This process as a client of the stack: its API, its state, its store."""
    monkeypatch.setenv("HINDSIGHT_STATE", str(stack.state))
    with temporary_settings(updates={PREFECT_API_URL: stack.api}):
        yield stack
