"""One run per artifact across workers: Prefect's limit on a real server, held by real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.server.locks import artifact_lock
from flows.server.tags import artifact_tag
from flows.stages import STAGES
from tasks.common.settings import project_root
from tasks.store.store import open_store
from tests.flows.stage_runs import finished, lines_of, panel_spec, trigger, until
from tests.local_stack import Stack

HOLDER = """
import sys
from flows.server.locks import artifact_lock
from tests.flows.stage_runs import panel_spec
with artifact_lock(panel_spec(int(sys.argv[1])), lease_seconds=60):
    print("held", flush=True)
    input()
"""


def test_every_stage_holds_its_artifacts_limit() -> None:
    assert [name for name, stage in STAGES.items() if not hasattr(stage.flow.fn, "__wrapped__")] == []


@pytest.mark.server
def test_two_runs_of_one_artifact_build_it_once_and_the_other_says_why_it_waits(on_stack: Stack) -> None:
    spec = panel_spec(201)
    with artifact_lock(spec):
        runs = [trigger("panel/cpu", spec) for _ in range(2)]
        for run in runs:
            until(lambda run=run: [line for line in lines_of(run) if line.startswith(f"{spec.path}: waits for")])
        assert open_store().find(spec) is None
    assert [finished(run).state_name for run in runs] == ["Completed", "Completed"]
    until(lambda: all(any(spec.path in line and "waits" not in line for line in lines_of(run)) for run in runs))
    said = [" ".join(lines_of(run)) for run in runs]
    assert sorted("nothing to do" in lines for lines in said) == [False, True]
    assert sorted(f"published {spec.path}" in lines for lines in said) == [False, True]


@pytest.mark.server
def test_a_run_that_a_person_triggered_carries_its_artifacts_tag(on_stack: Stack) -> None:
    spec = panel_spec(202)
    assert artifact_tag(spec) in finished(trigger("panel/cpu", spec)).tags


@pytest.mark.server
def test_who_holds_a_limit_is_written_to_disk_so_that_a_restarted_server_knows(on_stack: Stack) -> None:
    folder = on_stack.state / "prefect" / "concurrency_leases"

    def leases() -> set[Path]:
        return set(folder.glob("????????-*.json"))

    with artifact_lock(panel_spec(203)):
        held = leases()
        assert held
    assert held - leases()


@pytest.mark.server
@pytest.mark.slow
def test_a_holder_killed_outright_blocks_for_its_leases_length_and_no_longer(on_stack: Stack) -> None:
    command = [sys.executable, "-c", HOLDER, "204"]
    environment = {**os.environ, "PREFECT_API_URL": on_stack.api}
    holder = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project_root(), env=environment
    )
    try:
        assert holder.stdout.readline() == "held\n"
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    killed_at = time.monotonic()
    with artifact_lock(panel_spec(204)):
        print(f"free after {time.monotonic() - killed_at:.0f} s")
    with get_client(sync_client=True) as client:
        assert client.read_global_concurrency_limit_by_name(artifact_tag(panel_spec(204))).limit == 1
