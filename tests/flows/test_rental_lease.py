"""A rented stage has a lease while it is waited for, and loses it to a receipt alone."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.runner import rental_lease as watching
from flows.runner.dispatcher import StageFailed, dispatch
from flows.runner.rental_lease import RentalLease
from flows.runner.request import StageRequest
from tasks.common.settings import project_root
from tasks.store.errors import ArtifactDamaged
from tasks.store.leases import Lease, list_leases, new_lease, read_lease
from tasks.store.receipts import Receipt
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.sealed import read_sealed
from tasks.store.store import Store, open_store
from tests.flows.stage_runs import deploy_again, panel_spec, until
from tests.local_stack import Stack

PLAN = panel_spec(300)
NAME = f"panel-{PLAN.key}"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(watching, "RENEW_SECONDS", 0.0)
    return open_store()


def made(store: Store, tmp_path: Path, spec: ArtifactSpec = PLAN) -> ArtifactRef:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "panel.txt").write_text("rows")
    return store.publish(spec, tmp_path / "made", {}, 1.0)


def dead_parents_lease(store: Store) -> Lease:
    lease = new_lease(NAME, "a dead parent", "panel/h100", PLAN.path, 60)
    past = datetime.now(UTC) - timedelta(minutes=5)
    store.objects.write(f"leases/{NAME}.json", lease.model_copy(update={"expires_at": past}).sealed().to_bytes())
    return lease


def receipts(store: Store) -> list[Receipt]:
    return [read_sealed(store.objects, info.name, Receipt) for info in store.objects.list("receipts/")]


def test_a_stage_on_the_free_pool_has_no_lease_and_costs_no_second_read(store: Store, tmp_path: Path) -> None:
    watch = RentalLease(store, PLAN, "panel/cpu")
    watch.renew()
    watch.verify_and_release(made(store, tmp_path))
    assert list_leases(store).leases == ()
    assert receipts(store) == []


def test_a_beat_takes_the_lease_and_the_next_one_renews_it(store: Store) -> None:
    watch = RentalLease(store, PLAN, "panel/h100")
    watch.renew()
    first = read_lease(store, NAME)
    assert (first.what, first.artifact) == ("panel/h100", PLAN.path)
    watch.renew()
    assert read_lease(store, NAME).expires_at > first.expires_at


def test_a_proved_artifact_ends_the_lease_and_leaves_a_receipt(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = RentalLease(store, PLAN, "panel/h100")
    watch.renew()
    with caplog.at_level("INFO"):
        watch.verify_and_release(made(store, tmp_path))
    assert list_leases(store).leases == ()
    assert [receipt.ref.path for receipt in receipts(store)] == [PLAN.path]
    assert any("in 1 blobs read back and hashed in 0." in message for message in caplog.messages)


def test_a_damaged_artifact_keeps_the_lease(store: Store, tmp_path: Path) -> None:
    watch = RentalLease(store, PLAN, "panel/h100")
    watch.renew()
    ref = made(store, tmp_path)
    store.objects.write(store.blobs.names_of(store.record(ref))[0], b"rowS")
    with pytest.raises(ArtifactDamaged, match="No receipt is written"):
        watch.verify_and_release(ref)
    assert read_lease(store, NAME).what == "panel/h100"


def test_a_second_parent_leaves_the_lease_to_the_first_until_that_one_is_dead(store: Store, tmp_path: Path) -> None:
    first, second = RentalLease(store, PLAN, "panel/h100"), RentalLease(store, PLAN, "panel/h100")
    first.renew()
    second.renew()
    second.verify_and_release(made(store, tmp_path))
    assert read_lease(store, NAME).holder == first.holder
    assert receipts(store) == []
    dead_parents_lease(store)
    second.renew()
    assert read_lease(store, NAME).holder == second.holder
    first.renew()
    assert read_lease(store, NAME).holder == second.holder


def test_a_parent_that_finds_the_artifact_proves_what_a_dead_one_left_over(store: Store, tmp_path: Path) -> None:
    ref = made(store, tmp_path)
    dead_parents_lease(store)
    request = StageRequest("panel", "panel/h100", PLAN, "test: panel 300")
    assert dispatch(request, store) == ref
    assert list_leases(store).leases == ()
    assert [receipt.ref for receipt in receipts(store)] == [ref]
    assert dispatch(request, store) == ref
    assert len(receipts(store)) == 1


def test_a_forgotten_lease_is_taken_again(store: Store) -> None:
    watch = RentalLease(store, PLAN, "panel/h100")
    watch.renew()
    store.objects.delete(f"leases/{NAME}.json")
    watch.renew()
    watch.renew()
    assert read_lease(store, NAME).holder == watch.holder


@pytest.mark.server
def test_what_was_never_sent_leaves_no_lease(on_stack: Stack) -> None:
    spec = panel_spec(301)
    with pytest.raises(StageFailed, match="needs deployment panel/moon"):
        dispatch(StageRequest("panel", "panel/moon", spec, "test: panel 301"), open_store())
    assert [lease for lease in list_leases(open_store()).leases if spec.path == lease.artifact] == []


PARENT = """
import sys
from flows.runner import rental_lease as watch
watch.RENTAL_LEASE_SECONDS, watch.RENEW_SECONDS = 3.0, 0.5
from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from tasks.store.store import open_store
from tests.flows.stage_runs import panel_spec
dispatch(StageRequest("panel", "panel/h100", panel_spec(302), "test: panel 302"), open_store())
"""


@pytest.fixture
def rented_panel(on_stack: Stack) -> None:
    """The panel's deployment once more, on a pool that is rented."""
    deploy_again("panel/cpu", "h100", "h100")


@pytest.mark.server
@pytest.mark.usefixtures("rented_panel")
def test_a_parent_killed_outright_leaves_a_lease_that_the_next_one_ends_with_a_receipt(on_stack: Stack) -> None:
    spec, store = panel_spec(302), open_store()
    environment = on_stack.environment() | {"PREFECT_API_URL": on_stack.api}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=project_root(), env=environment)
    try:
        until(lambda: spec.path in [lease.artifact for lease in list_leases(store).leases])
    finally:
        parent.kill()
        parent.wait()
    until(lambda: spec.path in [lease.artifact for lease in list_leases(store).overdue()])
    ref = dispatch(StageRequest("panel", "panel/h100", spec, "test: panel 302"), store)
    assert [lease for lease in list_leases(store).leases if lease.artifact == spec.path] == []
    assert ref in [receipt.ref for receipt in receipts(store)]
