"""Runs variations of a recipe side by side. A retry re-attaches to running ones, reuses finished ones, restarts others.

As for a single stage (dispatcher.py), the store is asked first, and it alone decides whether a variation is done.
"""

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.exceptions import PrefectException

from flows.pipelines.leakage_premium import leakage_premium_pipeline, recipe_tags
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
from tasks.sweep.variations import Variant

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
LOG_EVERY_SECONDS = 60.0


@dataclass(frozen=True)
class VariantOutcome:
    """How a variation ended.

    Args:
        variant: The variation.
        report: Its report, if it has one.
        run: The run that this sweep sent or re-attached to; None if the store had the report.
        reason: Why there is no report.
    """

    variant: Variant
    report: ArtifactRef | None = None
    run: FlowRun | None = None
    reason: str = ""


def variation_tag(variant: Variant) -> str:
    """The tag by which every sweep finds the runs of this variation."""
    return f"variation:{variant.key}"


def run_all(variants: Sequence[Variant], at_once: int, tags: Sequence[str], store: Store) -> list[VariantOutcome]:
    """Run every variation; one that fails stops no other.

    Args:
        variants: What to run.
        at_once: Largest number of runs at the same time.
        tags: Tags of every run, also of those it re-attached to.
        store: The store with the reports.

    Returns:
        One outcome per variant, in their order.
    """
    waiting, running, finished = deque(variants), dict[UUID, Variant](), dict[str, VariantOutcome]()
    logged_at = time.monotonic()
    with get_client(sync_client=True) as client:
        while waiting or running:
            while waiting and len(running) < at_once:
                variant = waiting.popleft()
                started = _begin(client, variant, tags, store)
                if isinstance(started, VariantOutcome):
                    finished[variant.key] = _logged(started)
                else:
                    running[started.id] = variant
            time.sleep(POLL_SECONDS if running else 0)
            for run in filter(is_final, map(client.read_flow_run, list(running))):
                variant = running.pop(run.id)
                finished[variant.key] = _logged(_outcome(variant, run, store))
            if time.monotonic() - logged_at >= LOG_EVERY_SECONDS:
                logged_at = time.monotonic()
                log.info("sweep: %d of %d finished, %d running", len(finished), len(variants), len(running))
    return [finished[variant.key] for variant in variants]


def _begin(client: SyncPrefectClient, variant: Variant, tags: Sequence[str], store: Store) -> VariantOutcome | FlowRun:
    """The outcome if it is known already, else a run that has started."""
    try:
        return VariantOutcome(variant, find_result(leakage_premium_pipeline(variant.recipe), store))
    except ArtifactMissing:
        pass
    except HindsightError as error:
        return VariantOutcome(variant, reason=str(error))
    try:
        return _live_run(client, variant, tags) or _start(client, variant, tags)
    except (httpx.HTTPError, PrefectException, HindsightError) as error:
        return VariantOutcome(
            variant, reason=f"{variant.deployment} could not be started: {' '.join(str(error).split())}"
        )


def _live_run(client: SyncPrefectClient, variant: Variant, tags: Sequence[str]) -> FlowRun | None:
    # A run that is being cancelled will leave no report.
    runs = runs_tagged(client, variation_tag(variant))
    live = next((run for run in runs if not is_final(run) and run.state_name != "Cancelling"), None)
    if live:
        log.info("%s: re-attached to run %r, which has the same recipe", variant.name, live.name)
        add_tags(client, live, tags)
    return live


def _start(client: SyncPrefectClient, variant: Variant, tags: Sequence[str]) -> FlowRun:
    tag = variation_tag(variant)

    def start(idempotency_key: str) -> FlowRun:
        return trigger(
            variant.deployment,
            {"recipe": variant.recipe.model_dump(mode="json")},
            name=variant.name,
            tags=[tag, *tags, *recipe_tags(variant.recipe)],
            idempotency_key=idempotency_key,
        )

    run = start_or_share(client, tag, tag, start)
    log.info("%s: sent to %s", variant.name, variant.deployment)
    return run


def _outcome(variant: Variant, run: FlowRun, store: Store) -> VariantOutcome:
    if not is_completed(run):
        return VariantOutcome(variant, run=run, reason=ending_of(run))
    try:
        return VariantOutcome(variant, find_result(leakage_premium_pipeline(variant.recipe), store), run)
    except HindsightError as error:
        return VariantOutcome(variant, run=run, reason=f"completed, yet: {error}")


def _logged(outcome: VariantOutcome) -> VariantOutcome:
    if outcome.report is None:
        log.warning("%s: failed: %s", outcome.variant.name, outcome.reason)
    elif outcome.run is None:
        log.info("%s: found in the store (%s)", outcome.variant.name, outcome.report.path)
    else:
        log.info("%s: done (%s)", outcome.variant.name, outcome.report.path)
    return outcome
