"""Variations of a recipe side by side: run, compared, ranked."""

import logging
from collections.abc import Sequence

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext
from pydantic import ValidationError

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.runner.fan_out import Job, JobOutcome, run_all
from flows.runs.format import as_markdown
from flows.runs.publish import publish_runs_table, publish_spend_by_run
from flows.runs.row import final_loss, spend_of, tokens_seen, total, verdict
from flows.server.cancellation import cancel_children
from flows.server.flow_runs import RunFailed, UnknownDeployment, artifact_key, deployment_parameters, run_url
from flows.server.tags import parent_tag
from tasks.common.settings import state_dir
from tasks.recipe import Recipe
from tasks.store.store import Store, open_store
from tasks.sweep.config import SweepConfig
from tasks.sweep.differences import as_text, differences
from tasks.sweep.errors import BadSweep, BaseDiffers
from tasks.sweep.figures import METRICS, Figure
from tasks.sweep.ranking import Candidate, rank
from tasks.sweep.ranking_table import RunDetails, notes, ranking_rows
from tasks.sweep.same_base import check_base_figures, check_base_settings
from tasks.sweep.scores import VariationScores, candidate_of, read_scores
from tasks.sweep.variations import Variant, variants

log = logging.getLogger(__name__)


@flow(name="sweep", flow_run_name="{config.name}", on_cancellation=[cancel_children])
def sweep(config: SweepConfig) -> str:
    """Run variations of a recipe side by side, and rank them by a figure.

    Args:
        config: What varies, and by what to rank.

    Raises:
        BadSweep: If a variation is refused; nothing has started then.
        BaseDiffers: If the base model's figures differ although they must be equal.
        RunFailed: If a variation ended without a report; the others are in the table.
    """
    store = open_store()
    store.probe()
    chosen = variants(config, _recipe_of)
    if config.same_base:
        check_base_settings(chosen)
    log.info("sweep %s: %d variations, %d at once", config.name, len(chosen), config.at_once)
    outcomes = run_all([_job(variant) for variant in chosen], config.at_once, _tags(), store)
    try:
        return _conclude(config, chosen, outcomes, store)
    finally:
        publish_runs_table()
        publish_spend_by_run()


def _job(variant: Variant) -> Job:
    parameters = {"recipe": variant.recipe.model_dump(mode="json")}
    return Job(variant.key, variant.deployment, parameters, leakage_premium_pipeline(variant.recipe))


def _recipe_of(deployment: str) -> Recipe:
    try:
        parameters = deployment_parameters(deployment)
    except UnknownDeployment as error:
        raise BadSweep(str(error)) from error
    try:
        return Recipe.model_validate(parameters.get("recipe"))
    except ValidationError as error:
        raise BadSweep(
            f"deployment {deployment} holds no recipe that validates; deploy it anew, or give the sweep a recipe."
        ) from error


def _tags() -> list[str]:
    """Tags of every variation's run: this sweep, for its cancel and for the UI, and the person who started it."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return []
    own = context.flow_run
    return [f"sweep:{own.id}", parent_tag(own.id), *(tag for tag in own.tags if tag.startswith("by:"))]


def _conclude(config: SweepConfig, chosen: Sequence[Variant], outcomes: Sequence[JobOutcome], store: Store) -> str:
    measured = {
        outcome.job.name: read_scores(outcome.job.name, outcome.result, store) for outcome in outcomes if outcome.result
    }
    refusal, groups = _base_groups(list(measured.values()))
    metric = METRICS[config.rank_by]
    candidates = [
        candidate_of(measured[outcome.job.name], metric, store) if outcome.result else _failed(outcome)
        for outcome in outcomes
    ]
    ranking = rank(candidates, metric)
    details = {
        variant.name: _details(variant, outcome, chosen[0], measured, groups, store)
        for variant, outcome in zip(chosen, outcomes, strict=True)
    }
    rows = ranking_rows(ranking, details, config.rank_by)
    failures = [outcome for outcome in outcomes if outcome.result is None]
    remarks = [f"**{refusal}**"] * bool(refusal) + notes(ranking, metric, len(failures), len(set(groups.values())))
    _publish(config, rows, remarks)
    _write_page(config, outcomes, rows, remarks, store)
    if refusal:
        raise refusal
    if failures:
        first = failures[0]
        raise RunFailed(
            f"{len(failures)} of {len(outcomes)} variations of sweep {config.name} ended without a report, first "
            f"{first.job.name}: {first.reason} A retry starts these once more and nothing else."
        )
    return rows[0]["variation"]


def _base_groups(measured: list[VariationScores]) -> tuple[BaseDiffers | None, dict[str, str]]:
    try:
        groups = check_base_figures(measured)
    except BaseDiffers as refusal:
        return refusal, {}
    letters = {key: chr(ord("A") + place) if place < 26 else str(place) for place, key in enumerate(groups)}
    return None, {name: letters[key] for key, names in groups.items() for name in names}


def _failed(outcome: JobOutcome) -> Candidate:
    return Candidate(outcome.job.name, Figure(point=None, why_none=outcome.reason))


def _details(
    variant: Variant,
    outcome: JobOutcome,
    reference: Variant,
    measured: dict[str, VariationScores],
    groups: dict[str, str],
    store: Store,
) -> RunDetails:
    found = measured.get(variant.name)
    lineage = store.lineage(outcome.result) if outcome.result else []
    return RunDetails(
        differs=as_text(differences(variant.recipe, reference.recipe)),
        tokens_seen=tokens_seen(lineage),
        final_loss=final_loss(lineage),
        dollars=total(spend_of(record) for record in lineage),
        verdict=verdict(found.scores) if found else "",
        base=groups.get(variant.name, ""),
        link=run_url(outcome.run.id) if outcome.run else outcome.result.path if outcome.result else "",
    )


def _publish(config: SweepConfig, rows: list[dict[str, str]], remarks: list[str]) -> None:
    key = artifact_key("sweep", config.name)
    text = "\n".join(f"- {sentence}" for sentence in remarks)
    create_table_artifact(table=rows, key=key, description=text)
    create_markdown_artifact(f"{text}\n\n{as_markdown(rows)}", key=f"{key}-text", description=f"Sweep {config.name}")
    for sentence in remarks:
        log.info("sweep %s: %s", config.name, sentence)


def _write_page(
    config: SweepConfig,
    outcomes: Sequence[JobOutcome],
    rows: Sequence[dict[str, str]],
    remarks: Sequence[str],
    store: Store,
) -> None:
    """The comparison as a page of this machine; a page that cannot be made ends no sweep."""
    from tasks.sweep.compared_runs import NotComparable, write_comparison

    file = state_dir() / "sweeps" / f"{config.name}.html"
    reports = {outcome.job.name: outcome.result for outcome in outcomes if outcome.result}
    try:
        write_comparison(file, f"Sweep {config.name}", reports, store, rows, remarks)
    except NotComparable as error:
        log.warning("sweep %s has no page: %s", config.name, error)
    else:
        log.info("sweep %s: page %s", config.name, file)
