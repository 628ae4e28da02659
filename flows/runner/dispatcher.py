"""Runs a stage as a deployment on its pool. A retry finds what is running or done instead of starting it again.

The store is the only cache: it is asked before anything starts, and only an artifact in it counts as success.
"""

import logging
import time

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType

from flows.runner import retries
from flows.runner.rental_lease import RentalLease
from flows.runner.request import StageRequest, find
from flows.server.flow_runs import (
    UnknownDeployment,
    add_tags,
    ending_of,
    is_completed,
    is_final,
    own_run_id,
    reason_of_cancel,
    retry_on_outage,
    runs_tagged,
    start_or_share,
    trigger,
    wait_until_final,
)
from flows.server.tags import parent_tag
from tasks.common.errors import HindsightError
from tasks.store.rebuild import find_artifact
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

log = logging.getLogger(__name__)

LOG_EVERY_SECONDS = 30.0
WAITING_STATES = {StateType.SCHEDULED, StateType.PENDING}


class StageFailed(HindsightError):
    """A stage's run ended without its artifact."""


def dispatch(request: StageRequest, store: Store) -> ArtifactRef:
    """Run the stage unless its artifact exists, and wait for it.

    While the stage runs, this holds a lease on the rented pool, and releases it once a new client has read the artifact
    back. A failed stage keeps its lease: its machine may have results that can still be copied. A stage whose machine
    was lost, or whose store was away, is sent again, `request.n_retries` times at most.

    Raises:
        StageFailed: If the run ended and the store holds no complete artifact.
        StoreError: If the store holds a damaged one.
        RentError: If the pool's machine is rented, and none can be had.
    """
    lease = RentalLease(store, request.spec, request.deployment, request.is_pool_needed, request.planned_hours)
    if found := find(request, store):
        if lease.is_orphaned():
            lease.verify_and_release(found)
        if not request.always:
            return found
    for n_left in range(request.n_retries, -1, -1):
        # Again before a retry: the machine may be what was lost.
        lease.take()
        run = _run_to_the_end(request, store, lease)
        # With `always`, an older artifact may exist although this run failed its checks.
        refused = request.always and not is_completed(run)
        if not refused and (found := find_artifact(store, request.spec, request.requested_by)):
            log.info("%s: done in %.0f s (%s)", request.step, run.total_run_time.total_seconds(), found.path)
            lease.verify_and_release(found)
            return found
        if not n_left or not retries.may_pass(run):
            break
        log.warning("%s; sent again in %g s, %d left", _reason(request, run, store), retries.PAUSE_SECONDS, n_left - 1)
        time.sleep(retries.PAUSE_SECONDS)
    raise StageFailed(_reason(request, run, store))


def _run_to_the_end(request: StageRequest, store: Store, lease: RentalLease) -> FlowRun:
    sent: list[FlowRun] = []

    def attempt() -> FlowRun:
        with get_client(sync_client=True) as client:
            while True:
                # After an outage, look first at the run sent before; it may have ended.
                run = sent.pop() if sent else _share_or_start(client, request, store, lease)
                sent.append(run)
                run = _wait(client, request, run, lease)
                if not _ended_with_another_parent(client, run):
                    return run
                log.info("%s: run %r ended with the parent that had sent it; sending it again", request.step, run.name)
                sent.clear()

    return retry_on_outage(attempt, request.step)


def _share_or_start(client: SyncPrefectClient, request: StageRequest, store: Store, lease: RentalLease) -> FlowRun:
    earlier = runs_tagged(client, request.artifact_tag)
    # Only runs started for this rebuild replace an existing artifact.
    own = [run for run in earlier if set(request.rebuild_tags) <= set(run.tags)]
    if live := next((run for run in own if not is_final(run)), None):
        log.info("%s: re-attached to run %r, which builds the same artifact", request.step, live.name)
        add_tags(client, live, _parent_tags())
        return live
    # Another parent's run may have ended since this one looked in the store. Its artifact was there before its end.
    ended = next((run for run in own if is_completed(run)), None)
    if ended and not request.always and find(request, store):
        return ended
    return _start(client, request, earlier, lease)


def _parent_tags() -> list[str]:
    own = own_run_id()
    return [parent_tag(own)] if own else []


def _ended_with_another_parent(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether a run ended because the parent that started it ended, while this one still needs the artifact."""
    if run.state is None or run.parent_task_run_id is None:
        return False
    owner_id = client.read_task_run(run.parent_task_run_id).flow_run_id
    if owner_id is None or owner_id == own_run_id():
        return False
    owner = client.read_flow_run(owner_id).state
    if owner is None or owner.is_completed():
        return False
    # A run inside the owner's process ends with it; one in its own process only when a cancellation reaches it.
    return (run.state.is_cancelled() and owner.is_cancelled()) or (run.state.is_crashed() and run.deployment_id is None)


def _start(client: SyncPrefectClient, request: StageRequest, earlier: list[FlowRun], lease: RentalLease) -> FlowRun:
    def start(idempotency_key: str) -> FlowRun:
        return trigger(
            request.deployment,
            request.parameters,
            name=request.run_name,
            tags=[*request.all_tags, *_parent_tags()],
            idempotency_key=idempotency_key,
        )

    try:
        run = start_or_share(
            client, request.artifact_tag, earlier, f"{request.spec.path}:{request.requested_by}", start
        )
    except UnknownDeployment as error:
        lease.release_unused()
        raise StageFailed(f"{request.step} needs deployment {request.deployment}: {error}") from error
    log.info("%s: sent to %s as run %r", request.step, request.deployment, run.name)
    return run


def _wait(client: SyncPrefectClient, request: StageRequest, run: FlowRun, lease: RentalLease) -> FlowRun:
    logged_at = time.monotonic()

    def on_poll(now: FlowRun) -> None:
        nonlocal logged_at
        lease.renew()
        if time.monotonic() - logged_at >= LOG_EVERY_SECONDS:
            logged_at = time.monotonic()
            log.info("%s: %s", request.step, _activity(client, now))

    return wait_until_final(client, run, on_poll)


def _activity(client: SyncPrefectClient, run: FlowRun) -> str:
    if run.state is None or run.state.type not in WAITING_STATES or run.work_pool_name is None:
        state = run.state.type.value.lower() if run.state else "unknown"
        return f"{state} for {run.estimated_run_time.total_seconds():.0f} s"
    pool = client.read_work_pool(run.work_pool_name)
    limit = "no limit" if pool.concurrency_limit is None else f"limit {pool.concurrency_limit}"
    status = pool.status.value.lower() if pool.status else "unknown"
    return f"waits in pool {pool.name} ({limit}, pool is {status})"


def _reason(request: StageRequest, run: FlowRun, store: Store) -> str:
    if is_completed(run):
        return (
            f"{request.step}: run {run.name!r} completed, yet {request.spec.path} is not in {store.url}; do this "
            f"process and the workers of {request.deployment} name the same store?"
        )
    ended = f"{request.step}: run {run.name!r} on {request.deployment} ended {ending_of(run)}"
    if run.state is None or not run.state.is_cancelled():
        return ended
    with get_client(sync_client=True) as client:
        return f"{ended} {reason_of_cancel(client, run)}".rstrip()
