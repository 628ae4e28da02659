"""The server's record of a stage's attempts: which run had a machine, for how long, and how it ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import State, StateType

from flows.server.flow_runs import read_all
from tasks.costs.hardware import current_pool
from tasks.costs.usage import MachineStay, Meter, Outcome, failed_since_success
from tasks.rent.prices import prices_with_rentals
from tasks.store.store import open_store

ON_THE_MACHINE = {StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING}
"""A paused run keeps its process; a run that is being cancelled keeps its machine until its processes have ended."""
POOL = "pool:"


def pool_tag(pool: str) -> str:
    """Names the pool whose machine a run uses; a run inside another's process has no work pool of its own."""
    return f"{POOL}{pool}"


@dataclass
class Attempts:
    """All runs that were sent to build one artifact.

    Args:
        stays: Their times on machines, earliest first.
        n_runs: How many there were.
        n_alive: Those that have not ended, waiting ones among them.
    """

    stays: list[MachineStay] = field(default_factory=list)
    n_runs: int = 0
    n_alive: int = 0


def attempts(client: SyncPrefectClient, tags: Iterable[str]) -> dict[str, Attempts]:
    """The attempts at building these artifacts, by the artifact's tag.

    Args:
        client: Of the server that knows the runs.
        tags: Made by `artifact_tag`.
    """
    wanted = sorted(set(tags))
    found = {tag: Attempts() for tag in wanted}
    runs = read_all(client, FlowRunFilter(tags=FlowRunFilterTags(any_=wanted))) if wanted else []
    for run in runs:
        had = stays_of(run, client.read_flow_run_states(run.id))
        for tag in set(run.tags) & set(wanted):
            found[tag].stays += had
            found[tag].n_runs += 1
            found[tag].n_alive += run.state is None or not run.state.is_final()
    for each in found.values():
        each.stays.sort(key=lambda stay: stay.began)
    return found


def stays_of(run: FlowRun, states: Sequence[State]) -> list[MachineStay]:
    """The times a run had a machine, from its history of states; a retried run had one per attempt.

    A run that an automation marked as crashed counts until it was marked, up to two minutes after its death.

    Args:
        run: Any version of it.
        states: Its history in any order.
    """
    pool = pool_of_run(run)
    had: list[MachineStay] = []
    due: datetime | None = None
    began: datetime | None = None
    for state in sorted(states, key=lambda state: state.timestamp):
        if began is None and not state.is_final():
            due = due or max(state.timestamp, state.state_details.scheduled_time or state.timestamp)
            began = state.timestamp if state.type in ON_THE_MACHINE else None
        elif began and due and state.type not in ON_THE_MACHINE:
            had.append(_stay(pool, due, began, state))
            began, due = None, None if state.is_final() else state.timestamp
    return [*had, _stay(pool, due, began, None)] if began and due else had


def meter_of(run: FlowRun | None, tag: str, started: float, waited_seconds: float) -> Meter:
    """The meter of an attempt, with the failed attempts before it.

    Args:
        run: This attempt's; None outside of a flow run, where no server is asked.
        tag: The artifact's.
        started: `time.monotonic()` when the attempt had its machine.
        waited_seconds: Time it then waited for another run that built the same artifact.
    """
    if run is None:
        return Meter(started, waited_seconds=waited_seconds)
    with get_client(sync_client=True) as client:
        own = stays_of(run, client.read_flow_run_states(run.id))
        earlier = attempts(client, [tag])[tag].stays
    queued_seconds = own[-1].queued_seconds if own else 0.0
    failed = failed_since_success(earlier)
    pools = {current_pool(), *(stay.pool for stay in failed)}
    return Meter(started, queued_seconds, waited_seconds, failed, lambda: prices_with_rentals(open_store(), pools))


def _stay(pool: str | None, due: datetime, began: datetime, ending: State | None) -> MachineStay:
    queued_seconds = max((began - due).total_seconds(), 0.0)
    if ending is None:
        return MachineStay(pool, queued_seconds, began, None, "live")
    outcome: Outcome = "completed" if ending.is_completed() else "failed"
    return MachineStay(pool, queued_seconds, began, ending.timestamp, outcome)


def pool_of_run(run: FlowRun) -> str | None:
    """The pool whose machine a run uses; None if no pool is named."""
    tagged = [tag.removeprefix(POOL) for tag in run.tags if tag.startswith(POOL)]
    return tagged[0] if tagged else run.work_pool_name
