"""`hindsight rent`: what a person at a terminal sees."""

import pytest

from hindsight.cli.main import main
from tasks.rent.config import RentedPool
from tasks.rent.lifecycle import lease
from tasks.rent.providers.local import Local
from tasks.store.store import Store
from tests.rent.test_lifecycle import FIRST


def test_a_machine_is_offered_started_listed_and_stopped(
    store: Store, pool: RentedPool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rent", "offers", "h100"]) == 0
    assert "two-cores in this machine: $0.00 an hour" in capsys.readouterr().out
    assert main(["rent", "start", "h100", "-m", "by hand"]) == 0
    name = capsys.readouterr().out.split()[1].rstrip(":")
    lease(store, name, FIRST.path, "ada")
    assert main(["rent", "ls"]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in (name, "running", "0 of 1 proved", "1 of 1 machines"))
    assert main(["rent", "stop", name, "--why", "given up"]) == 0
    assert f"stopped, $0.00; lost without a receipt: {FIRST.path}" in capsys.readouterr().out
    assert name not in Local().status()


def test_a_dry_run_starts_and_stops_nothing(pool: RentedPool, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["offers", "h100"], ["start", "h100"]):
        assert main(["rent", *command, "--dry-run"]) == 0
        assert capsys.readouterr().out.endswith("nothing was run\n")
    assert [name for name in Local().status() if "trial" in name] == []


def test_an_unknown_pool_or_machine_is_one_sentence(pool: RentedPool, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rent", "start", "h100x8"]) == 1
    assert (
        "pool 'h100x8' is not in the list of rented pools (configs/rent.yaml); it has h100." in capsys.readouterr().err
    )
