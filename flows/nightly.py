"""The nightly look at a recipe's price source: where other prices lie there, the recipe is measured on them."""

import logging
import time
from typing import Any, cast

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from flows.runner.dispatcher import ending_of
from flows.runner.status import Measured, measured, measured_on_any_prices, missing_of_the_model
from flows.runs.comparison import before_and_now
from tasks.common.errors import HindsightError
from tasks.panel.source_version import Lying, pinned, what_lies_at
from tasks.recipe import Recipe
from tasks.store.store import Store, open_store

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0


class NightlyFailed(HindsightError):
    """The new prices could not be measured."""


class NoTrainedModel(HindsightError):
    """A nightly run would have to train, and was not asked to."""


@flow(name="fresh-prices", flow_run_name="{deployment}")
def fresh_prices(deployment: str, recipe: Recipe | None = None, train_if_missing: bool = False) -> str:
    """Measure a recipe anew if other prices lie at its source than those it was measured on. Never trains by itself.

    Args:
        deployment: What measures, such as leakage-premium/smoke.
        recipe: What is measured; null for the recipe of that deployment.
        train_if_missing: Let the run train where the store has no trained model. By default that is refused.
    """
    recipe, store = recipe or _recipe_of(deployment), open_store()
    lying = what_lies_at(recipe.panel.source, store)
    log.info("%s: %s", recipe.name, lying.said)
    if lying.sha256 is None:
        return _nothing(recipe, lying.said + _older_package(recipe, lying, store))
    fresh = recipe.model_copy(update={"panel": pinned(recipe.panel, lying.sha256)})
    if done := measured(fresh, store) or _if_of(lying, measured(recipe, store), store):
        return _nothing(recipe, f"these prices are measured already ({done.report.path}).")
    if not train_if_missing:
        _refuse_to_train(fresh, deployment, store)
    before = next(measured_on_any_prices(recipe, store), None)
    _run_to_its_end(deployment, fresh, lying.sha256)
    return _show(fresh, before, store)


def _recipe_of(deployment: str) -> Recipe:
    with get_client(sync_client=True) as client:
        try:
            parameters = client.read_deployment_by_name(deployment).parameters
        except (ObjectNotFound, ValueError) as error:
            raise NightlyFailed(_unknown(deployment)) from error
    if "recipe" not in parameters:
        raise NightlyFailed(
            f"deployment {deployment} has no recipe; name one of flow leakage-premium, or give `recipe`."
        )
    return Recipe.model_validate(parameters["recipe"])


def _unknown(deployment: str) -> str:
    return f"the server has no deployment {deployment}; `prefect deployment ls` lists those it has."


def _nothing(recipe: Recipe, why: str) -> str:
    said = f"{recipe.name}: nothing is started, for {why}"
    log.info("%s", said)
    return said


def _if_of(lying: Lying, found: Measured | None, store: Store) -> Measured | None:
    """An unpinned panel counts as measured if it was made from what lies at the source now."""
    return found if found and store.record(found.panel).facts.get("source") == lying.pins else None


def _older_package(recipe: Recipe, lying: Lying, store: Store) -> str:
    found = measured(recipe, store)
    if found is None or _if_of(lying, found, store):
        return ""
    made_from = store.record(found.panel).facts.get("source")
    return (
        f" The panel in the store was made from {made_from}: to have it built from {lying.pins}, forget report, "
        f"premium, embeddings and {found.panel.path}, and run the recipe."
    )


def _refuse_to_train(recipe: Recipe, deployment: str, store: Store) -> None:
    if missing := missing_of_the_model(recipe, store):
        raise NoTrainedModel(
            f"{recipe.name} has no trained model in {store.url}: {', '.join(missing)} would run, and a nightly run "
            f"starts no training. Run {deployment} once, or set train_if_missing."
        )


def _run_to_its_end(deployment: str, recipe: Recipe, sha256: str) -> None:
    """Have the recipe measured as a run of its own, which ends with this one if this one is cancelled.

    Raises:
        NightlyFailed: If the run does not complete.
    """
    try:
        sent = run_deployment(
            deployment,
            parameters={"recipe": recipe.model_dump(mode="json")},
            tags=[f"recipe:{recipe.name}", f"prices:{sha256[:12]}", "nightly"],
            timeout=0,
        )
    except ObjectNotFound as error:
        raise NightlyFailed(_unknown(deployment)) from error
    # Outside an event loop it has run; Prefect's signature covers both ways.
    run = cast(FlowRun, sent)
    log.info("%s: new prices %s, sent to %s as run %r", recipe.name, sha256[:12], deployment, run.name)
    with get_client(sync_client=True) as client:
        while run.state is None or not run.state.is_final():
            time.sleep(POLL_SECONDS)
            run = client.read_flow_run(run.id)
    if run.state is None or not run.state.is_completed():
        raise NightlyFailed(f"{recipe.name} on prices {sha256[:12]}: run {run.name!r} ended {ending_of(run)}")


def _show(recipe: Recipe, before: Measured | None, store: Store) -> str:
    """Old and new figures side by side, among Prefect's artifacts. Returns the sentence with the reduction."""
    now = measured(recipe, store)
    if now is None:
        raise NightlyFailed(
            f"{recipe.name}: the run completed, yet its report is not in {store.url}; is it this store?"
        )
    rows = before_and_now(before, now, store)
    key = f"nightly-{recipe.name}".replace(".", "-").replace("_", "-")
    description = f"{recipe.name} on new prices: {now.report.path}, before: {before.report.path if before else 'none'}"
    create_table_artifact(table=cast(list[dict[str, Any]], rows), key=key, description=description)
    said = f"{recipe.name}: " + "; ".join(f"{row['figure']} {row['before']} -> {row['now']}" for row in rows[:4])
    log.info("%s", said)
    return said
