"""What a run has spent: gathered from the store's records and the server's runs, shown as a table in the UI."""

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from uuid import UUID

import httpx
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectException

from flows.costs.outlook import Forecast, StepUsage, forecasts
from flows.costs.spend_table import spend_table
from flows.pipelines.pipeline import Pipeline
from flows.server.attempts import Attempts, attempts
from flows.server.flow_runs import artifact_key, own_run_id
from flows.server.tags import artifact_tag
from flows.status import StepStatus, pool_of, step_statuses
from tasks.common.errors import HindsightError
from tasks.rent.machines import Machine, list_machines
from tasks.rent.prices import prices_with_rentals
from tasks.rent.sweep import describe
from tasks.store.store import Store

log = logging.getLogger(__name__)


def publish_spend(pipeline: Pipeline, store: Store, rebuilt: Collection[str] = ()) -> None:
    """Publish the table `spend-<name>` among Prefect's artifacts, whether the run ended well or not.

    A table that cannot be made is a warning and ends no run.

    Args:
        pipeline: The run's.
        store: Where its artifacts are.
        rebuilt: Steps that this run rebuilds although their artifacts exist.
    """
    run_id = own_run_id()
    if run_id is None:
        return
    try:
        with get_client(sync_client=True) as client:
            since = first_start(client, run_id)
            steps = pipeline_usage(pipeline, store, client, rebuilt)
        machines = machines_of(store, str(run_id), {step.record.ref.path for step in steps if step.record})
        prices = prices_with_rentals(store)
        table = spend_table(steps, since, datetime.now(UTC), prices, machines)
        for machine in machines:
            if machine.lost:
                log.warning("%s", describe(machine, datetime.now(UTC)))
        create_table_artifact(
            key=artifact_key("spend", pipeline.name),
            table=table,
            description=f"Spend of run {run_id} of {pipeline.name}, at {prices.current_provider}'s prices; on rented "
            "machines at those of their offers",
        )
        log.info(
            "spent: $%s in %s machine hours, %s waiting",
            *(table[-1][key] for key in ("dollars", "hours", "waiting, h")),
        )
    except (HindsightError, httpx.HTTPError, PrefectException) as error:
        log.warning("the table of what was spent could not be made: %s", error)


def machines_of(store: Store, run: str, artifacts: Collection[str]) -> list[Machine]:
    """The rented machines of a run: those that it rented or took a lease on, and those that owed one of its artifacts.

    Args:
        store: Holds the records.
        run: The run's id.
        artifacts: Paths of its artifacts that exist.
    """
    return [
        machine
        for machine in list_machines(store).machines
        if any(run in event.by for event in machine.events) or set(artifacts) & set(machine.owed)
    ]


def first_start(client: SyncPrefectClient, run_id: UUID) -> datetime:
    """When a run first began; its retries continue the same bill."""
    return client.read_flow_run(run_id).start_time or datetime.now(UTC)


def pipeline_usage(
    pipeline: Pipeline, store: Store, client: SyncPrefectClient, rebuilt: Collection[str] = ()
) -> list[StepUsage]:
    """The machine time of every step of a run.

    Args:
        pipeline: The run's.
        store: Where artifacts are.
        client: Of the server that knows the runs.
        rebuilt: Steps whose artifact counts only if it was rebuilt for this run.
    """
    statuses = step_statuses(pipeline, store, rebuilt, str(own_run_id())).values()
    return step_usages(statuses, client)


def step_usages(
    statuses: Iterable[StepStatus], client: SyncPrefectClient, expected: dict[str, Forecast] | None = None
) -> list[StepUsage]:
    """Steps with the machine time of the runs that were sent to build them.

    Args:
        statuses: Of the steps.
        client: Of the server that knows the runs.
        expected: Forecasts by step; by default those in the steps' records (preflight's).
    """
    found = {status.step.name: status for status in statuses}
    if expected is None:
        expected = {}
        for status in found.values():
            expected |= forecasts(status.record.facts) if status.record else {}
    tags = {name: artifact_tag(status.spec) for name, status in found.items() if status.spec}
    by_tag = attempts(client, tags.values())
    return [
        _usage(name, status, by_tag[tags[name]] if name in tags else Attempts(), expected.get(name))
        for name, status in found.items()
    ]


def _usage(name: str, status: StepStatus, known: Attempts, forecast: Forecast | None) -> StepUsage:
    return StepUsage(
        name=name,
        pool=pool_of(status.step),
        is_reached=status.spec is not None,
        record=status.record,
        stays=known.stays,
        n_runs=known.n_runs,
        n_alive=known.n_alive,
        forecast=forecast,
    )
