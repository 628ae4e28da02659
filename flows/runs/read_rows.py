"""Every run of the pipeline as a row: the server's run joined with the store's artifacts of its recipe."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.sorting import FlowRunSort

from flows.pipelines.registry import PIPELINES, AnyRecipe, pipeline_of, recipe_of
from flows.runs.recipes import RunSources
from flows.runs.row import Run, RunRow, builders, metric_columns, records_until, spend_of, tokens_seen
from flows.server.flow_runs import ending_of, is_planned, run_url
from flows.server.who import who
from tasks.schemas.scores import PremiumScores
from tasks.store.errors import StoreError
from tasks.store.records import Record
from tasks.store.store import Store
from tasks.sweep.differences import as_text, differences

log = logging.getLogger(__name__)

PAGE = 200
"""Runs per page of the server's answer."""


def run_rows(store: Store, n_newest: int | None = None) -> list[RunRow]:
    """A row per run, newest first.

    Args:
        store: Where artifacts are.
        n_newest: At most this many; by default all the server knows.
    """
    with get_client(sync_client=True) as client:
        sources = RunSources(client, store)
        runs = _runs(client, n_newest)
        recipes = [recipe_of(run.parameters) for run in runs]
        made = [
            Run(run.start_time, run.end_time, records_until(sources.records_of(recipe), run.end_time))
            for run, recipe in zip(runs, recipes, strict=True)
        ]
        built_by = builders(made)
        return [
            _row(place, run, recipe, made[place].records, built_by, sources)
            for place, (run, recipe) in enumerate(zip(runs, recipes, strict=True))
        ]


def _runs(client: SyncPrefectClient, n_newest: int | None) -> list[FlowRun]:
    """Page by page, without runs that a schedule has planned for later."""
    found: list[FlowRun] = []
    n_read, now = 0, datetime.now(UTC)
    while n_newest is None or len(found) < n_newest:
        page = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=list(PIPELINES))),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=PAGE,
            offset=n_read,
        )
        if not page:
            break
        n_read += len(page)
        found += [run for run in page if not is_planned(run, now)]
    return found if n_newest is None else found[:n_newest]


def _row(
    place: int,
    run: FlowRun,
    recipe: AnyRecipe | None,
    records: Mapping[str, Record],
    built_by: Mapping[str, int],
    sources: RunSources,
) -> RunRow:
    deployment, own_recipe = sources.deployment(run)
    spends = [(built_by.get(record.ref.path) == place, spend_of(record)) for record in records.values()]
    figures = _figures(run, records, sources.store)
    return RunRow(
        who=who(run),
        started=run.start_time,
        recipe=recipe.name if recipe else run.name,
        deployment=deployment,
        differs=_differs(recipe, own_recipe),
        state=run.state.name or run.state.type.value if run.state else "unknown",
        reason="" if figures else _reason(run, recipe),
        tokens_seen=tokens_seen(records.values()),
        built=tuple(spend for is_own, spend in spends if is_own),
        reused=tuple(spend for is_own, spend in spends if not is_own),
        minutes=_minutes(run),
        link=run_url(run.id),
        **figures,
    )


def _figures(run: FlowRun, records: Mapping[str, Record], store: Store) -> dict[str, Any]:
    """Only of a completed run: after a failed run the same recipe may have been measured by another."""
    if run.state is None or not run.state.is_completed() or "premium" not in records:
        return {}
    try:
        return metric_columns(PremiumScores.read(store.fetch(records["premium"].ref)))
    except StoreError as error:
        log.warning("run %s is shown without figures: %s", run.name, error)
        return {}


def _differs(recipe: AnyRecipe | None, own_recipe: AnyRecipe | None) -> str:
    if recipe is None:
        return "unknown: its recipe is of earlier settings"
    return as_text(differences(recipe, own_recipe))


def _reason(run: FlowRun, recipe: AnyRecipe | None) -> str:
    if run.state is None or not run.state.is_final():
        return ""
    if not run.state.is_completed():
        return ending_of(run)
    if recipe is None:
        return "its recipe is of an earlier version of the settings"
    if all(step.stage != "premium" for step in pipeline_of(recipe).steps):
        return f"{recipe.pipeline} has none of these figures; its report has its own"
    return "its figures are not in this store, were rebuilt since, or are of an earlier version of the code"


def _minutes(run: FlowRun) -> float | None:
    if run.start_time is None:
        return None
    return ((run.end_time or datetime.now(UTC)) - run.start_time).total_seconds() / 60
