"""A pool served by rented machines, on a server of its own: process trees of this machine with Prefect's workers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.rent.pool import SWEEP
from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from tasks.common.processes import end_tree
from tasks.common.settings import project_root
from tasks.rent.errors import RentError
from tasks.rent.machines import Machine, list_machines, prefix_of
from tasks.rent.providers.local import Local
from tasks.store.leases import list_leases
from tasks.store.store import Store, open_store
from tests.flows.stage_runs import deploy_again, finished, panel_spec, until
from tests.flows.test_dispatch import runs_of
from tests.local_stack import Stack, local_stack, process_ids

pytestmark = [pytest.mark.server, pytest.mark.slow]

RENT = """
pools:
- {pool: h100, provider: local, offer: two-cores, max_dollars_per_hour: 0, lease_hours: 1, idle_minutes: 0.05}
"""


@pytest.fixture(scope="module")
def renting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A server whose pool h100 has no worker, and the panel's deployment there."""
    state = tmp_path_factory.mktemp("renting")
    (state / "rent.yaml").write_text(RENT)
    with local_stack(state, {"HINDSIGHT_RENT": str(state / "rent.yaml")}) as stack:
        end_tree(psutil.Process(process_ids(stack)["worker-h100"]))
        with temporary_settings(updates={PREFECT_API_URL: stack.api}):
            deploy_again("panel/cpu", "h100", "h100")
        yield stack
        for name in Local().status():
            if name.startswith(prefix_of(Store(str(stack.store), state / "cache"))):
                Local().stop(name)


@pytest.fixture
def on_renting(renting: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name, value in renting.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREFECT_API_URL", renting.api)
    with temporary_settings(updates={PREFECT_API_URL: renting.api}):
        yield renting


def last_machine() -> Machine:
    return list_machines(open_store()).machines[-1]


def test_the_parents_need_rents_a_machine_that_serves_the_pool_and_goes_with_its_receipt(on_renting: Stack) -> None:
    spec, store = panel_spec(901), open_store()
    ref = dispatch(StageRequest("panel", "panel/h100", spec, "rented panel 901"), store)
    machine = last_machine()
    assert [event.action for event in machine.events] == ["rent", "started", "lease", "stop", "stopped"]
    assert (list(machine.owed), machine.lost) == ([ref.path], ())
    assert machine.find("stop").receipts[0].startswith(f"receipts/{ref.path}/")
    assert machine.name not in Local().status()
    spent = store.record(ref).spent
    assert (spent.pool, spent.provider, spent.dollars) == ("h100", "local", 0.0)
    assert list_leases(store).leases == ()
    with get_client(sync_client=True) as client:
        assert [each.active for each in client.read_deployment_by_name(SWEEP).schedules] == [True]


PARENT = """
from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from tasks.store.store import open_store
from tests.flows.stage_runs import panel_spec
dispatch(StageRequest("panel", "panel/h100", panel_spec(902), "rented panel 902"), open_store())
"""


def test_the_parent_killed_its_result_is_proved_and_its_machine_ends(on_renting: Stack) -> None:
    """By the machine's own watchdog or by the sweep, whichever is first; a renewed lease keeps the sweep away."""
    spec, store, before = panel_spec(902), open_store(), last_machine().name
    environment = {**os.environ, "PYTHONPATH": str(project_root())}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=project_root(), env=environment)
    try:
        until(lambda: last_machine().name != before and last_machine().owed)
        # The lease comes before the run that it is for.
        until(lambda: runs_of(StageRequest("panel", "panel/h100", spec, "rented panel 902")))
    finally:
        parent.kill()
        parent.wait()
    until(lambda: store.find(spec) is not None)
    for lease in list_leases(store).leases:
        store.objects.delete(f"leases/{lease.name}.json")

    def swept() -> bool:
        run = finished(run_deployment(SWEEP, timeout=0, as_subflow=False))
        assert run.state_name == "Completed", run.state.message
        return not last_machine().is_open

    until(swept)
    machine = last_machine()
    assert (list(machine.owed), machine.lost) == ([spec.path], ())
    assert machine.name not in Local().status()


def test_a_machine_that_cannot_be_had_ends_the_stage_with_one_sentence(
    on_renting: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rent.yaml"
    file.write_text(RENT.replace("provider: local", "provider: vessl, image: a"))
    n_before = len(list_machines(open_store()).machines)
    monkeypatch.setenv("HINDSIGHT_RENT", str(file))
    with pytest.raises(RentError, match="names no server that a machine of vessl could reach"):
        dispatch(StageRequest("panel", "panel/h100", panel_spec(903), "rented panel 903"), open_store())
    assert len(list_machines(open_store()).machines) == n_before
    assert [lease for lease in list_leases(open_store()).leases if "panel" in lease.what] == []
