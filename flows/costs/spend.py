"""What a run has spent: gathered from the store's records and Prefect's runs, shown as a table in the UI."""

import logging
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

import httpx
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectException

from flows.costs.outlook import Forecast, Step, forecasts
from flows.costs.spend_table import spend_table
from flows.runner.attempts import attempts
from flows.runner.request import parent_id
from flows.runner.routing import deployment_of
from flows.runner.status import places
from flows.runner.tags import artifact_tag
from tasks.common.errors import HindsightError
from tasks.costs.prices import load_prices
from tasks.recipe import Recipe
from tasks.store.records import Record
from tasks.store.refs import ArtifactSpec
from tasks.store.store import Store

log = logging.getLogger(__name__)


def publish_spend(recipe: Recipe, store: Store, again: Collection[str] = ()) -> None:
    """Leave the table `spend-<recipe>` in Prefect's artifacts, of a run that ended well or not.

    A table that cannot be made ends no run: it is a warning.

    Args:
        recipe: The run's.
        store: Where its artifacts lie.
        again: Steps that this run builds though they may stand.
    """
    run_id = parent_id()
    if run_id is None:
        return
    try:
        with get_client(sync_client=True) as client:
            since = first_start(client, run_id)
            steps = steps_of(recipe, store, client, again)
        table = spend_table(steps, since, datetime.now(UTC), load_prices())
        create_table_artifact(
            key=f"spend-{recipe.name}".replace(".", "-").replace("_", "-"),
            table=table,
            description=f"What run {run_id} of {recipe.name} has spent, at {load_prices().current_provider}'s prices",
        )
        log.info(
            "spent: $%s in %s machine hours, %s waiting",
            *(table[-1][key] for key in ("dollars", "hours", "waiting, h")),
        )
    except (HindsightError, httpx.HTTPError, PrefectException) as error:
        log.warning("the table of what was spent could not be made: %s", error)


def first_start(client: SyncPrefectClient, run_id: UUID) -> datetime:
    """When a run first began; its retries go on with the same bill."""
    return client.read_flow_run(run_id).start_time or datetime.now(UTC)


def steps_of(recipe: Recipe, store: Store, client: SyncPrefectClient, again: Collection[str] = ()) -> list[Step]:
    """Every step of a recipe's run, as far as its inputs stand in the store.

    Args:
        recipe: Its config.
        store: Where artifacts lie.
        client: Of the server that knows the runs.
        again: Steps that count only if they were built again for this run.
    """
    requested_by = str(parent_id())
    found = places(recipe, store, dict.fromkeys(again, requested_by))
    passed = found["preflight"].record
    return seen_steps(
        {step: (deployment_of(step, recipe).rpartition("/")[2], place.spec) for step, place in found.items()},
        {step: place.record for step, place in found.items()},
        forecasts(passed.facts) if passed else {},
        client,
    )


def seen_steps(
    plans: dict[str, tuple[str, ArtifactSpec | None]],
    records: dict[str, Record | None],
    expected: dict[str, Forecast],
    client: SyncPrefectClient,
) -> list[Step]:
    """Steps with the runs that were to build them.

    Args:
        plans: Pool and artifact of each step; None while its inputs are not there.
        records: Of the artifacts that stand.
        expected: Forecasts by step.
        client: Of the server that knows the runs.
    """
    tags = {step: artifact_tag(spec) for step, (_, spec) in plans.items() if spec}
    found = attempts(client, tags.values())
    steps = []
    for name, (pool, spec) in plans.items():
        known = found[tags[name]] if spec else None
        steps.append(
            Step(
                name=name,
                pool=pool,
                is_reached=spec is not None,
                record=records[name],
                stays=known.stays if known else (),
                n_runs=known.n_runs if known else 0,
                n_alive=known.n_alive if known else 0,
                forecast=expected.get(name),
            )
        )
    return steps
