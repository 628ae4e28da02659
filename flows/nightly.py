"""Nightly: where a recipe's price source has new prices, measure the recipe on them."""

import logging
from typing import Any, cast

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import get_client

from flows.runs.comparison import before_and_now
from flows.runs.existing_reports import ExistingReport, find_report, missing_model_steps, reports_on_any_prices
from flows.server.flow_runs import (
    RunFailed,
    artifact_key,
    deployment_parameters,
    ending_of,
    is_completed,
    trigger,
    wait_until_final,
)
from tasks.common.errors import HindsightError
from tasks.panel.source_version import SourceVersion, pinned, probe_source
from tasks.recipe import Recipe
from tasks.store.store import Store, open_store

log = logging.getLogger(__name__)


class NoTrainedModel(HindsightError):
    """A nightly run would have to train, and training was not allowed."""


@flow(name="nightly", flow_run_name="{deployment}")
def nightly(deployment: str, recipe: Recipe | None = None, train_if_missing: bool = False) -> str:
    """Measure a recipe again if its source has other prices than those it was measured on. Trains only if allowed.

    Args:
        deployment: What measures, such as leakage-premium/smoke.
        recipe: What is measured; null for the recipe of that deployment.
        train_if_missing: Let the run train if the store has no trained model. By default that is refused.
    """
    recipe, store = recipe or _recipe_of(deployment), open_store()
    version = probe_source(recipe.panel.source, store)
    log.info("%s: %s", recipe.name, version.message)
    if version.sha256 is None:
        return _nothing(recipe, version.message + _older_package(recipe, version, store))
    fresh = recipe.model_copy(update={"panel": pinned(recipe.panel, version.sha256)})
    if done := find_report(fresh, store) or _if_made_from(version, find_report(recipe, store), store):
        return _nothing(recipe, f"these prices are measured already ({done.report.path}).")
    if not train_if_missing:
        _check_model_exists(fresh, deployment, store)
    before = next(reports_on_any_prices(recipe, store), None)
    _run_to_the_end(deployment, fresh, version.sha256)
    return _show(fresh, before, store)


def _recipe_of(deployment: str) -> Recipe:
    parameters = deployment_parameters(deployment)
    if "recipe" not in parameters:
        raise RunFailed(f"deployment {deployment} has no recipe; name one of flow leakage-premium, or give `recipe`.")
    return Recipe.model_validate(parameters["recipe"])


def _nothing(recipe: Recipe, why: str) -> str:
    message = f"{recipe.name}: nothing is started: {why}"
    log.info("%s", message)
    return message


def _if_made_from(version: SourceVersion, found: ExistingReport | None, store: Store) -> ExistingReport | None:
    """An unpinned panel counts as measured if it was made from what is at the source now."""
    return found if found and store.record(found.panel).facts.get("source") == version.pins else None


def _older_package(recipe: Recipe, version: SourceVersion, store: Store) -> str:
    found = find_report(recipe, store)
    if found is None or _if_made_from(version, found, store):
        return ""
    made_from = store.record(found.panel).facts.get("source")
    return (
        f" The panel in the store was made from {made_from}: to have it built from {version.pins}, forget report, "
        f"premium, embeddings and {found.panel.path}, and run the recipe."
    )


def _check_model_exists(recipe: Recipe, deployment: str, store: Store) -> None:
    if missing := missing_model_steps(recipe, store):
        raise NoTrainedModel(
            f"{recipe.name} has no trained model in {store.url}: {', '.join(missing)} would run, and a nightly run "
            f"starts no training. Run {deployment} once, or set the parameter train_if_missing of this run."
        )


def _run_to_the_end(deployment: str, recipe: Recipe, sha256: str) -> None:
    """Measure the recipe in a run of its own; a cancel of this run cancels it too.

    Raises:
        RunFailed: If the run does not complete.
    """
    tags = [f"recipe:{recipe.name}", f"prices:{sha256[:12]}", "nightly"]
    run = trigger(deployment, {"recipe": recipe.model_dump(mode="json")}, tags=tags)
    log.info("%s: new prices %s, sent to %s as run %r", recipe.name, sha256[:12], deployment, run.name)
    with get_client(sync_client=True) as client:
        run = wait_until_final(client, run)
    if not is_completed(run):
        raise RunFailed(f"{recipe.name} on prices {sha256[:12]}: run {run.name!r} ended {ending_of(run)}")


def _show(recipe: Recipe, before: ExistingReport | None, store: Store) -> str:
    """Publish old and new figures side by side among Prefect's artifacts. Returns the sentence with the first ones."""
    now = find_report(recipe, store)
    if now is None:
        raise RunFailed(
            f"{recipe.name}: the run completed, yet its report is not in {store.url}; do both name the same store?"
        )
    rows = before_and_now(before, now, store)
    description = f"{recipe.name} on new prices: {now.report.path}, before: {before.report.path if before else 'none'}"
    create_table_artifact(
        table=cast(list[dict[str, Any]], rows), key=artifact_key("nightly", recipe.name), description=description
    )
    points = [row for row in rows if not row["figure"].endswith("95 %")]
    message = f"{recipe.name}: " + "; ".join(f"{row['figure']} {row['before']} -> {row['now']}" for row in points[:6])
    log.info("%s", message)
    return message
