"""What of a recipe stands in the store, by its records alone: nothing is read, hashed or started."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import ValidationError

from flows.pipelines.leakage_premium import leakage_premium_steps
from flows.runner.table import stage_name, stage_of
from tasks.common.settings import Config
from tasks.panel.config import PanelConfig, panel_label
from tasks.panel.source_version import pinned
from tasks.recipe import Recipe
from tasks.store.errors import StoreError
from tasks.store.records import RECORD_NAME, Record
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store

log = logging.getLogger(__name__)

OF_THE_MODEL = ("base", "corpus", "train", "merge")
"""Stages that no price goes into."""


@dataclass(frozen=True)
class Measured:
    """A recipe's report on some prices.

    Args:
        panel: The panel it was measured on.
        report: Its report.
    """

    panel: ArtifactRef
    report: ArtifactRef


@dataclass(frozen=True)
class Place:
    """Where a step's artifact would stand, and what stands there.

    Args:
        spec: None where nobody can know it without the step's inputs.
        record: None where nothing counts.
    """

    spec: ArtifactSpec | None
    record: Record | None


def places(recipe: Recipe, store: Store, requesters: Mapping[str, str] = MappingProxyType({})) -> dict[str, Place]:
    """Every step of a recipe, in the pipeline's order.

    Args:
        recipe: What would run.
        store: Where to look.
        requesters: By step, for whom its artifact must have been built again to count.
    """
    found: dict[str, Place] = {}

    def look_up(
        step: str, config: Config, *, after: Sequence[ArtifactRef | None] = (), **inputs: ArtifactRef | None
    ) -> ArtifactRef | None:
        known = {name: ref for name, ref in inputs.items() if ref}
        spec = stage_of(step).room.spec(config, known) if len(known) == len(inputs) else None
        record = _record(spec, store, requesters.get(step, "")) if spec else None
        found[step] = Place(spec, record)
        return record.ref if record else None

    leakage_premium_steps(recipe, look_up)
    return found


def standing(recipe: Recipe, store: Store) -> dict[str, ArtifactRef | None]:
    """By step, what the store has a record of; None where there is none, or where nobody can know without its inputs.

    Args:
        recipe: What would run.
        store: Where to look.
    """
    return {step: place.record.ref if place.record else None for step, place in places(recipe, store).items()}


def missing_of_the_model(recipe: Recipe, store: Store) -> list[str]:
    """The steps up to the merged model whose artifact the store does not have."""
    found = standing(recipe, store)
    return [step for step, ref in found.items() if ref is None and stage_name(step) in OF_THE_MODEL]


def measured(recipe: Recipe, store: Store) -> Measured | None:
    """The recipe's report, if there is one."""
    found = standing(recipe, store)
    panel, report = found["panel"], found["report"]
    return Measured(panel, report) if panel and report else None


def measured_on_any_prices(recipe: Recipe, store: Store) -> Iterator[Measured]:
    """The recipe's reports on whatever prices lay at its source, that of the newest panel first.

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
        if found := measured(recipe.model_copy(update={"panel": panel}), store):
            yield found


def _record(spec: ArtifactSpec, store: Store, requested_by: str) -> Record | None:
    try:
        record = store.records.read(spec.path)
    except FileNotFoundError:
        return None
    return record if requested_by in ("", record.requested_by) else None


def _panel_config(store: Store, path: str) -> PanelConfig | None:
    try:
        return PanelConfig.model_validate(store.records.read(path).config)
    except FileNotFoundError:
        return None
    except (StoreError, ValidationError) as error:
        log.warning("panel %s is left out of the comparison: %s", path, error)
        return None
