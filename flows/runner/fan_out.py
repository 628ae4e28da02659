"""Several parents side by side: a retry finds what is alive or done, and what has failed is started once more.

As for a single stage (flows/runner/dispatcher.py) the store is asked first, and it alone says if a variation is done.
"""

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.deployments import run_deployment
from prefect.exceptions import PrefectException

from flows.runner.dispatcher import ending_of
from flows.runner.inline import find_report
from tasks.common.errors import HindsightError
from tasks.store.errors import ArtifactMissing
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.sweep.variations import Variant

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
SAY_EVERY_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """How a variation ended.

    Args:
        variant: Which.
        report: Its report, where it has one.
        run: The run that this sweep sent or re-attached to; None where the store had the report.
        reason: Why there is no report.
    """

    variant: Variant
    report: ArtifactRef | None = None
    run: FlowRun | None = None
    reason: str = ""


def variation_tag(variant: Variant) -> str:
    """By it any sweep finds the runs of these numbers."""
    return f"variation:{variant.key}"


def run_all(variants: Sequence[Variant], at_once: int, tags: Sequence[str], store: Store) -> list[Outcome]:
    """Run every variation; one that fails stops no other.

    Args:
        variants: What to run.
        at_once: Runs alive at a time.
        tags: Put on every run, those re-attached to included.
        store: Where reports lie.

    Returns:
        An outcome each, in the variants' order.
    """
    waiting, alive, over = deque(variants), dict[UUID, Variant](), dict[str, Outcome]()
    said_at = time.monotonic()
    with get_client(sync_client=True) as client:
        while waiting or alive:
            while waiting and len(alive) < at_once:
                variant = waiting.popleft()
                begun = _begin(client, variant, tags, store)
                if isinstance(begun, Outcome):
                    over[variant.key] = _said(begun)
                else:
                    alive[begun.id] = variant
            time.sleep(POLL_SECONDS if alive else 0)
            for run in _ended(client, list(alive)):
                variant = alive.pop(run.id)
                over[variant.key] = _said(_ending(variant, run, store))
            if time.monotonic() - said_at >= SAY_EVERY_SECONDS:
                said_at = time.monotonic()
                log.info("sweep: %d of %d over, %d alive", len(over), len(variants), len(alive))
    return [over[variant.key] for variant in variants]


def _begin(client: SyncPrefectClient, variant: Variant, tags: Sequence[str], store: Store) -> Outcome | FlowRun:
    """The outcome where it is known already, else a run that is alive."""
    try:
        return Outcome(variant, find_report(variant.recipe, store))
    except ArtifactMissing:
        pass
    except HindsightError as error:
        return Outcome(variant, reason=str(error))
    try:
        return _live_run(client, variant, tags) or _start(client, variant, tags)
    except (httpx.HTTPError, PrefectException) as error:
        return Outcome(variant, reason=f"{variant.deployment} could not be started: {' '.join(str(error).split())}")


def _runs(client: SyncPrefectClient, variant: Variant) -> list[FlowRun]:
    which = FlowRunFilter(tags=FlowRunFilterTags(all_=[variation_tag(variant)]))
    return client.read_flow_runs(flow_run_filter=which)


def _is_over(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()


def _live_run(client: SyncPrefectClient, variant: Variant, tags: Sequence[str]) -> FlowRun | None:
    # One that is being cancelled will leave no report.
    live = [run for run in _runs(client, variant) if not _is_over(run) and run.state_name != "Cancelling"]
    if not live:
        return None
    log.info("%s: re-attached to run %r, which has the same recipe", variant.name, live[0].name)
    client.update_flow_run(live[0].id, tags=sorted({*live[0].tags, *tags}))
    return live[0]


def _start(client: SyncPrefectClient, variant: Variant, tags: Sequence[str]) -> FlowRun:
    # Two sweeps at the same moment count the same ended runs, hence name the same key, hence share one run.
    n_attempts = len(_runs(client, variant))
    while True:
        run = _create(variant, tags, idempotency_key=f"{variation_tag(variant)}:{n_attempts}")
        if not _is_over(run):
            log.info("%s: sent to %s", variant.name, variant.deployment)
            return run
        n_attempts += 1  # an earlier attempt whose tag was removed


def _create(variant: Variant, tags: Sequence[str], idempotency_key: str) -> FlowRun:
    recipe = variant.recipe
    run = run_deployment(
        variant.deployment,
        parameters={"recipe": recipe.model_dump(mode="json")},
        flow_run_name=variant.name,
        tags=[
            variation_tag(variant),
            *tags,
            f"recipe:{recipe.name}",
            f"arm:{recipe.train.arm.kind}",
            f"cutoff:{recipe.corpus.cutoff}",
        ],
        idempotency_key=idempotency_key,
        timeout=0,
    )
    # Outside an event loop it has run; Prefect's signature covers both ways.
    return cast(FlowRun, run)


def _ended(client: SyncPrefectClient, ids: Sequence[UUID]) -> list[FlowRun]:
    return [run for run in map(client.read_flow_run, ids) if _is_over(run)]


def _ending(variant: Variant, run: FlowRun, store: Store) -> Outcome:
    if run.state is None or not run.state.is_completed():
        return Outcome(variant, run=run, reason=ending_of(run))
    try:
        return Outcome(variant, find_report(variant.recipe, store), run)
    except HindsightError as error:
        return Outcome(variant, run=run, reason=f"completed, yet: {error}")


def _said(outcome: Outcome) -> Outcome:
    if outcome.report is None:
        log.warning("%s: failed: %s", outcome.variant.name, outcome.reason)
    elif outcome.run is None:
        log.info("%s: found in the store (%s)", outcome.variant.name, outcome.report.path)
    else:
        log.info("%s: done (%s)", outcome.variant.name, outcome.report.path)
    return outcome
