"""A store, a pool whose machines are process trees of this one, and their end after the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.rent import lifecycle, order
from tasks.rent.config import RentedPool, load_rent
from tasks.rent.machines import prefix_of
from tasks.rent.providers.local import Local
from tasks.store.store import Store, open_store

RENT = """
pools:
- {pool: h100, provider: local, offer: two-cores, max_dollars_per_hour: 0, lease_hours: 1, idle_minutes: 10}
"""


@pytest.fixture
def store() -> Store:
    return open_store()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.txt").write_text("alpha")
    return tmp_path / "made"


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RentedPool]:
    """Rented from `local`; its machines sleep. Whatever a test leaves running is ended."""
    file = tmp_path / "rent.yaml"
    file.write_text(RENT)
    monkeypatch.setenv("HINDSIGHT_RENT", str(file))
    monkeypatch.setattr(order, "command_of", lambda pool, machine: ["sleep", "600"])
    monkeypatch.setattr(lifecycle, "POLL_SECONDS", 0.02)
    found = load_rent().find("h100")
    assert found is not None
    yield found.model_copy(update={"folder": str(tmp_path)})
    provider = Local()
    for name in provider.status():
        if name.startswith(prefix_of(open_store())):
            provider.stop(name)
