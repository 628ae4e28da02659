"""Run a stage as a deployment on its pool, so that a retry finds what is alive or done instead of starting it again.

The store is the only cache: it is asked before anything starts, and it alone says whether a finished run has succeeded.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from flows.exclusive import artifact_tag
from flows.watch import Watch
from tasks.errors import HindsightError
from tasks.settings import Frozen
from tasks.store.refs import ArtifactRef, Plan
from tasks.store.store import Store

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
SAY_EVERY_SECONDS = 30.0
PREAMBLE = "Flow run encountered an exception: "
WAITING_STATES = {StateType.SCHEDULED, StateType.PENDING}


class StageFailed(HindsightError):
    """A stage's run ended without its artifact."""


@dataclass(frozen=True)
class Errand:
    """One stage to be run somewhere else.

    Args:
        step: Its name in the pipeline, such as `embed base`.
        deployment: Who runs it, such as `embed/h100`.
        plan: The artifact it shall leave in the store.
        run_name: What the UI calls the run.
        tags: What the UI filters by.
        always: Sent though its artifact stands; the run itself then says whether it has succeeded.
    """

    step: str
    deployment: str
    plan: Plan
    run_name: str
    tags: tuple[str, ...] = ()
    always: bool = False

    @property
    def artifact_tag(self) -> str:
        """By it any parent finds the run that builds this artifact."""
        return artifact_tag(self.plan)

    @property
    def parameters(self) -> dict[str, object]:
        """The stage flow's parameters as JSON."""
        refs: Mapping[str, Frozen] = self.plan.inputs
        return {name: part.model_dump(mode="json") for name, part in {"config": self.plan.config, **refs}.items()}


def dispatch(errand: Errand, store: Store) -> ArtifactRef:
    """Have the stage run unless its artifact stands, and wait for it.

    On a rented pool a lease stands meanwhile, and ends when a fresh client has read the artifact back; a stage that
    failed keeps its lease, for its machine may hold what can still be saved.

    Raises:
        StageFailed: If the run ended and the store holds no whole artifact.
        StoreError: If the store holds a damaged one.
    """
    watch = Watch(store, errand.plan, errand.deployment)
    if found := store.find(errand.plan):
        log.info("%s: found in the store (%s)%s", errand.step, found.path, ", asked again" * errand.always)
        if watch.is_left_over():
            watch.prove(found)
        if not errand.always:
            return found
    watch.beat()
    with get_client(sync_client=True) as client:
        run = _live_run(client, errand) or _start_watched(client, errand, watch)
        run = _wait(client, errand, run, watch)
    # An artifact of an earlier run must not hide that this one was refused.
    refused = errand.always and not (run.state is not None and run.state.is_completed())
    if not refused and (found := store.find(errand.plan)):
        log.info("%s: done in %.0f s (%s)", errand.step, run.total_run_time.total_seconds(), found.path)
        watch.prove(found)
        return found
    raise StageFailed(_why(errand, run, store))


def _runs(client: SyncPrefectClient, errand: Errand) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[errand.artifact_tag])))


def _is_over(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()


def _live_run(client: SyncPrefectClient, errand: Errand) -> FlowRun | None:
    live = [run for run in _runs(client, errand) if not _is_over(run)]
    if live:
        log.info("%s: re-attached to run %r, which builds the same artifact", errand.step, live[0].name)
    return live[0] if live else None


def _start_watched(client: SyncPrefectClient, errand: Errand, watch: Watch) -> FlowRun:
    try:
        return _start(client, errand)
    except StageFailed:
        watch.nothing_was_sent()
        raise


def _start(client: SyncPrefectClient, errand: Errand) -> FlowRun:
    # Two parents at the same moment count the same ended runs, hence name the same key, hence share one run.
    n_attempts = len(_runs(client, errand))
    while True:
        run = _create(errand, idempotency_key=f"{errand.plan.path}:{n_attempts}")
        if not _is_over(run):
            log.info("%s: sent to %s as run %r", errand.step, errand.deployment, run.name)
            return run
        n_attempts += 1  # an earlier attempt whose tag was removed


def _create(errand: Errand, idempotency_key: str) -> FlowRun:
    try:
        run = run_deployment(
            errand.deployment,
            parameters=errand.parameters,
            flow_run_name=errand.run_name,
            tags=[errand.artifact_tag, *errand.tags],
            idempotency_key=idempotency_key,
            timeout=0,
        )
        # Outside an event loop it has run; Prefect's signature covers both ways.
        return cast(FlowRun, run)
    except ObjectNotFound as error:
        raise StageFailed(
            f"{errand.step} needs deployment {errand.deployment}, which the server does not know; deploy what "
            "prefect.yaml describes by `HINDSIGHT_ROOT=$PWD prefect --no-prompt deploy --all`, or here by `make demo`."
        ) from error


def _wait(client: SyncPrefectClient, errand: Errand, run: FlowRun, watch: Watch) -> FlowRun:
    said_at = time.monotonic()
    while not _is_over(run):
        time.sleep(POLL_SECONDS)
        watch.beat()
        run = client.read_flow_run(run.id)
        if time.monotonic() - said_at >= SAY_EVERY_SECONDS:
            said_at = time.monotonic()
            log.info("%s: %s", errand.step, _what_it_does(client, run))
    return run


def _what_it_does(client: SyncPrefectClient, run: FlowRun) -> str:
    if run.state is None or run.state.type not in WAITING_STATES or run.work_pool_name is None:
        state = run.state.type.value.lower() if run.state else "unknown"
        return f"{state} for {run.estimated_run_time.total_seconds():.0f} s"
    pool = client.read_work_pool(run.work_pool_name)
    limit = "no limit" if pool.concurrency_limit is None else f"limit {pool.concurrency_limit}"
    status = pool.status.value.lower() if pool.status else "unknown"
    return f"waits in pool {pool.name} ({limit}, pool is {status})"


def _why(errand: Errand, run: FlowRun, store: Store) -> str:
    state = run.state
    if state is not None and state.is_completed():
        return (
            f"{errand.step}: run {run.name!r} completed, yet {errand.plan.path} is not in {store.url}; do this process "
            f"and the workers of {errand.deployment} name the same store?"
        )
    return f"{errand.step}: run {run.name!r} on {errand.deployment} ended {ending_of(run)}"


def ending_of(run: FlowRun) -> str:
    """How a run ended, without Prefect's own preamble to an exception."""
    if run.state is None:
        return "without a state"
    return f"{run.state.name}: {(run.state.message or '').removeprefix(PREAMBLE)}"
