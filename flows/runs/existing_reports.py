"""Reports of a recipe that exist in the store, on today's prices or on earlier ones."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from flows.pipelines.registry import pipeline_of
from flows.status import existing_artifacts, step_statuses
from tasks.panel.config import PanelConfig, panel_label
from tasks.panel.source_version import pinned
from tasks.recipe import Recipe
from tasks.store.errors import StoreError
from tasks.store.records import RECORD_NAME
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

log = logging.getLogger(__name__)

MODEL_STAGES = ("base", "corpus", "train", "merge")
"""Stages whose artifacts do not depend on prices."""


@dataclass(frozen=True)
class ExistingReport:
    """A recipe's report on some prices.

    Args:
        panel: The panel it was measured on.
        report: Its report.
    """

    panel: ArtifactRef
    report: ArtifactRef


def missing_model_steps(recipe: Recipe, store: Store) -> list[str]:
    """The steps up to the merged model that have no artifact."""
    statuses = step_statuses(pipeline_of(recipe), store).values()
    return [each.step.name for each in statuses if each.record is None and each.step.stage in MODEL_STAGES]


def find_report(recipe: Recipe, store: Store) -> ExistingReport | None:
    """The recipe's report, if it exists."""
    found = existing_artifacts(pipeline_of(recipe), store)
    return ExistingReport(found["panel"], found["report"]) if "report" in found else None


def reports_on_any_prices(recipe: Recipe, store: Store) -> Iterator[ExistingReport]:
    """The recipe's reports on all prices its source ever had, the newest panel's first.

    Args:
        recipe: Without a digest of its prices.
        store: Where to look.
    """
    folder = f"panel/{panel_label(recipe.panel, {})}/"
    records = [info for info in store.objects.list(folder) if info.name.endswith(f"/{RECORD_NAME}")]
    for info in sorted(records, key=lambda info: info.modified, reverse=True):
        panel = _panel_config(store, info.name.removesuffix(f"/{RECORD_NAME}"))
        if panel is None or pinned(panel, None) != recipe.panel:
            continue
        if found := find_report(recipe.model_copy(update={"panel": panel}), store):
            yield found


def _panel_config(store: Store, path: str) -> PanelConfig | None:
    try:
        return PanelConfig.model_validate(store.records.read(path).config)
    except FileNotFoundError:
        return None
    except (StoreError, ValidationError) as error:
        log.warning("panel %s is left out of the comparison: %s", path, error)
        return None
