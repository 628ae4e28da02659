"""Taking the server away in mid-run, and looking at what came of it."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.deployments import run_deployment

from tasks.store.store import open_store
from tests.flows.gated import GateConfig, gated, gated_parent, request
from tests.flows.stage_runs import finished, lines_of, trigger, until
from tests.local_stack import Stack, deploy, process_ids


@contextmanager
def server_away(stack: Stack, seconds: float) -> Iterator[None]:
    """SIGKILL the server, leave it away for so long and longer if the block takes longer, and call `up` again."""
    server = psutil.Process(process_ids(stack)["server"])
    server.send_signal(signal.SIGKILL)
    server.wait()
    killed_at = time.monotonic()
    yield
    time.sleep(max(0.0, seconds - (time.monotonic() - killed_at)))
    again = stack.local("up")
    assert again.returncode == 0, again.stderr
    print(f"server away for {time.monotonic() - killed_at:.0f} s, its start and the deployments included")


def a_run_lives_through(stack: Stack, folder: Path, seconds: float) -> None:
    """A parent with three stages while the server is killed: one ends meanwhile, one goes on, one begins afterwards.

    Args:
        stack: The calling process is its client.
        folder: For gates; the account that runs the stack can write there.
        seconds: How long the server is away.
    """
    deploy(gated, "test")
    deploy(gated_parent, "test")
    ends, goes_on, begins = (GateConfig(folder=str(folder), name=name) for name in ("ends", "goes-on", "begins"))
    parameters = {name: part.model_dump() for name, part in zip(PARTS, (ends, goes_on, begins), strict=True)}
    parent = run_deployment("gated-parent/test", parameters=parameters, timeout=0, as_subflow=False)
    until(lambda: ends.starts.exists() and goes_on.starts.exists())
    before = process_ids(stack)
    with server_away(stack, seconds):
        ends.gate.touch()
        until(lambda: open_store().find(request(ends).spec))
    after = process_ids(stack)
    assert {name for name in before if before[name] != after[name]} == {"server"}
    rival = trigger("gated/test", request(goes_on).spec)
    until(lambda: [line for line in lines_of(rival) if "waits for" in line])
    goes_on.gate.touch()
    begins.gate.touch()
    assert finished(parent).state_name == "Completed", lines_of(parent)
    assert finished(rival).state_name == "Completed", lines_of(rival)
    assert [config.starts.read_text() for config in (ends, goes_on, begins)] == ["started\n"] * 3
    found = {config.name: runs_of(config) for config in (ends, goes_on, begins)}
    assert {name: len(runs) for name, runs in found.items()} == {"ends": 1, "goes-on": 2, "begins": 1}
    assert {run.state_name for runs in found.values() for run in runs} == {"Completed"}, found


PARTS = ("first", "second", "last")


def runs_of(config: GateConfig) -> list[FlowRun]:
    """The stage's runs of all parents."""
    with get_client(sync_client=True) as client:
        tags = FlowRunFilterTags(all_=[request(config).artifact_tag])
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=tags))
