"""Leases on rented machines: taking, renewing, taking over."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from hindsight.cli.main import main
from tasks.common.settings import project_root
from tasks.store.errors import StoreError
from tasks.store.leases import Lease, LeaseHeld, list_leases, new_lease, read_lease, renew, take
from tasks.store.store import Store


def lease_for(artifact: str = "train/letters/0123456789abcdef", holder: str = "one", seconds: float = 600) -> Lease:
    return new_lease("node-1", holder, "train/h100", artifact, seconds)


def overdue(store: Store, holder: str = "one") -> Lease:
    """A lease that should have been renewed a minute ago."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    lease = lease_for(holder=holder).model_copy(update={"expires_at": past}).sealed()
    store.objects.write("leases/node-1.json", lease.to_bytes())
    return lease


def test_a_live_holders_lease_is_not_taken(store: Store) -> None:
    take(store, lease_for(holder="one"))
    with pytest.raises(LeaseHeld, match=r"lease node-1 in .* is held by one until .* taken over when it is overdue"):
        take(store, lease_for(holder="two"))
    assert read_lease(store, "node-1").holder == "one"


def test_its_own_holder_can_take_a_lease_again(store: Store) -> None:
    take(store, lease_for(seconds=60))
    later = take(store, lease_for(seconds=6000))
    assert read_lease(store, "node-1") == later


def test_an_overdue_lease_is_taken_over_and_its_old_holder_cannot_renew_it(store: Store) -> None:
    old = overdue(store)
    assert take(store, lease_for(holder="two")).holder == "two"
    with pytest.raises(LeaseHeld, match="was taken over by two; it is not renewed"):
        renew(store, old, 600)


def test_renewing_moves_the_end_and_nothing_else(store: Store) -> None:
    lease = take(store, lease_for(seconds=60))
    renewed = renew(store, lease, 600)
    assert (renewed.expires_at - lease.expires_at).total_seconds() == pytest.approx(540, abs=30)
    same = {"expires_at": None, "seal": None}
    assert renewed.model_copy(update=same) == lease.model_copy(update=same)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_lease_of_no_length_is_refused(store: Store, seconds: float) -> None:
    with pytest.raises(StoreError, match="is overdue at once"):
        lease_for(seconds=seconds)


def test_an_unreadable_lease_hides_no_other_and_fails_the_listing(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    take(store, lease_for())
    store.objects.write("leases/node-0.json", b'{"name": "node-0"')
    found = list_leases(store)
    assert [lease.name for lease in found.leases] == ["node-1"]
    assert found.unreadable[0].startswith(f"leases/node-0.json in {store.objects.url} is not a valid lease: ")
    assert main(["store", "leases"]) == 1
    assert "leases/node-0.json" in capsys.readouterr().err


LAUNCHER = """
import time
from tasks.store.leases import new_lease, renew, take
from tasks.store.store import open_store
store = open_store()
lease = take(store, new_lease("node-7", "launcher", "train/h100", "train/letters/0123456789abcdef", 1.5))
while True:
    lease = renew(store, lease, 1.5)
    print("renewed", flush=True)
    time.sleep(0.3)
"""


def test_a_killed_launcher_leaves_an_overdue_lease(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER], stdout=subprocess.PIPE, text=True, cwd=project_root())
    try:
        for _ in range(3):
            assert launcher.stdout.readline() == "renewed\n"
    finally:
        launcher.send_signal(signal.SIGKILL)
        launcher.wait()
    while not list_leases(store).overdue():
        time.sleep(0.1)
    capsys.readouterr()
    assert main(["store", "leases", "--overdue"]) == 1
    printed = capsys.readouterr().out
    assert "node-7  train/h100 for train/letters/0123456789abcdef, held by launcher, OVERDUE by 0 minutes" in printed
    assert main(["store", "leases", "--forget", "node-7"]) == 0
    assert main(["store", "leases", "--overdue"]) == 0


def test_a_lease_name_cannot_leave_its_folder() -> None:
    with pytest.raises(ValueError, match="name"):
        new_lease("../receipts/x", "one", "train/h100", "train/x/0", 60)
