"""Runs pipelines side by side, each by its deployment. A retry re-attaches to running ones and reuses finished ones.

As for a single stage (dispatcher.py), the store is asked first, and it alone decides whether a pipeline is done.
"""

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.exceptions import PrefectException

from flows.pipelines.pipeline import Pipeline
from flows.server.flow_runs import (
    add_tags,
    ending_of,
    is_completed,
    is_final,
    runs_tagged,
    start_or_share,
    trigger,
)
from flows.status import find_result
from tasks.common.errors import HindsightError
from tasks.store.errors import ArtifactMissing
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
LOG_EVERY_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """One run of a deployment.

    Args:
        key: Jobs with the same key make the same artifacts.
        deployment: What runs it.
        parameters: The deployment's flow's.
        pipeline: What that flow runs with these parameters.
    """

    key: str
    deployment: str
    parameters: Mapping[str, Any]
    pipeline: Pipeline

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.pipeline.name


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended.

    Args:
        job: The job.
        result: The artifact of its pipeline's last step, if it has one.
        run: The run that was sent or re-attached to; None if the store had the result.
        reason: Why there is no result.
    """

    job: Job
    result: ArtifactRef | None = None
    run: FlowRun | None = None
    reason: str = ""


def job_tag(job: Job) -> str:
    """The tag by which every sweep finds the runs of this job."""
    return f"variation:{job.key}"


def run_all(jobs: Sequence[Job], at_once: int, tags: Sequence[str], store: Store) -> list[JobOutcome]:
    """Run every job; one that fails stops no other.

    Args:
        jobs: What to run.
        at_once: Largest number of runs at the same time.
        tags: Tags of every run, also of those it re-attached to.
        store: The store with the results.

    Returns:
        One outcome per job, in their order.
    """
    waiting, running, finished = deque(jobs), dict[UUID, Job](), dict[str, JobOutcome]()
    logged_at = time.monotonic()
    with get_client(sync_client=True) as client:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.popleft()
                started = _begin(client, job, tags, store)
                if isinstance(started, JobOutcome):
                    finished[job.key] = _logged(started)
                else:
                    running[started.id] = job
            time.sleep(POLL_SECONDS if running else 0)
            for run in filter(is_final, map(client.read_flow_run, list(running))):
                job = running.pop(run.id)
                finished[job.key] = _logged(_outcome(job, run, store))
            if time.monotonic() - logged_at >= LOG_EVERY_SECONDS:
                logged_at = time.monotonic()
                log.info("%d of %d jobs finished, %d running", len(finished), len(jobs), len(running))
    return [finished[job.key] for job in jobs]


def _begin(client: SyncPrefectClient, job: Job, tags: Sequence[str], store: Store) -> JobOutcome | FlowRun:
    """The outcome if it is known already, else a run that has started."""
    try:
        return JobOutcome(job, find_result(job.pipeline, store))
    except ArtifactMissing:
        pass
    except HindsightError as error:
        return JobOutcome(job, reason=str(error))
    try:
        return _share_or_start(client, job, tags)
    except (httpx.HTTPError, PrefectException, HindsightError) as error:
        return JobOutcome(job, reason=f"{job.deployment} could not be started: {' '.join(str(error).split())}")


def _share_or_start(client: SyncPrefectClient, job: Job, tags: Sequence[str]) -> FlowRun:
    tag = job_tag(job)
    earlier = runs_tagged(client, tag)
    # A run that is being cancelled will leave no result.
    if live := next((run for run in earlier if not is_final(run) and run.state_name != "Cancelling"), None):
        log.info("%s: re-attached to run %r, which makes the same artifacts", job.name, live.name)
        add_tags(client, live, tags)
        return live

    def start(idempotency_key: str) -> FlowRun:
        return trigger(
            job.deployment,
            job.parameters,
            name=job.name,
            tags=[tag, *tags, *job.pipeline.tags],
            idempotency_key=idempotency_key,
        )

    run = start_or_share(client, tag, earlier, tag, start)
    log.info("%s: sent to %s", job.name, job.deployment)
    return run


def _outcome(job: Job, run: FlowRun, store: Store) -> JobOutcome:
    if not is_completed(run):
        return JobOutcome(job, run=run, reason=ending_of(run))
    try:
        return JobOutcome(job, find_result(job.pipeline, store), run)
    except HindsightError as error:
        return JobOutcome(job, run=run, reason=f"completed, yet: {error}")


def _logged(outcome: JobOutcome) -> JobOutcome:
    if outcome.result is None:
        log.warning("%s: failed: %s", outcome.job.name, outcome.reason)
    elif outcome.run is None:
        log.info("%s: found in the store (%s)", outcome.job.name, outcome.result.path)
    else:
        log.info("%s: done (%s)", outcome.job.name, outcome.result.path)
    return outcome
