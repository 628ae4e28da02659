"""Runs go on while the server or the store is away: both killed outright, and started again."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.blocks.system import Secret

from tasks.store.store import open_store
from tests.flows.gated import GateConfig, gated, request
from tests.flows.restarts import a_run_lives_through
from tests.flows.stage_runs import finished, lines_of, trigger, until
from tests.local_stack import Stack, deploy
from tests.s3_server import S3Server, serve_s3

pytestmark = pytest.mark.server


# The same on PostgreSQL, in tests/deployments/test_access.py, is not slow.
@pytest.mark.slow
@pytest.mark.parametrize("seconds_away", [5, 60])
def test_a_run_lives_through_the_death_of_its_server_on_sqlite(
    on_stack: Stack, tmp_path: Path, seconds_away: float
) -> None:
    a_run_lives_through(on_stack, tmp_path, seconds_away)


@pytest.fixture
def mortal_s3(tmp_path: Path) -> Iterator[S3Server]:
    """A server no other test uses."""
    (tmp_path / "s3").mkdir()
    with serve_s3(tmp_path / "s3") as server:
        yield server


@pytest.mark.parametrize("seconds_away", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_a_stage_lives_through_the_death_of_its_store_in_the_middle_of_publishing(
    on_stack: Stack, mortal_s3: S3Server, tmp_path: Path, seconds_away: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**mortal_s3.environment(), "HINDSIGHT_STORE": f"s3://{mortal_s3.bucket}/away"}
    hidden = {name: f"outage-{name.lower().replace('_', '-')}" for name in environment if "ACCESS_KEY" in name}
    for name, block in hidden.items():
        Secret(value=environment[name]).save(block, overwrite=True)
    in_blocks = {name: f"{{{{ prefect.blocks.secret.{block} }}}}" for name, block in hidden.items()}
    deploy(gated, "s3", variables={**environment, **in_blocks})
    config = GateConfig(folder=str(tmp_path), name="publishes", n_bytes=400_000_000)
    run = trigger("gated/s3", request(config).spec)
    until(config.starts.exists)
    config.gate.touch()
    blobs = mortal_s3.folder / mortal_s3.bucket / "away" / "blobs"
    while not (blobs.is_dir() and any(blobs.iterdir())):
        time.sleep(0.01)
    mortal_s3.restart(seconds_down=seconds_away)
    assert finished(run).state_name == "Completed", lines_of(run)
    until(lambda: any("; retry 1 in " in line or "published" in line for line in lines_of(run)))
    assert config.starts.read_text() == "started\n"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    store = open_store()
    ref = store.find(request(config).spec)
    assert ref is not None
    fetched = store.fetch(ref)
    assert sum(file.stat().st_size for file in fetched.rglob("*") if file.is_file()) >= config.n_bytes
