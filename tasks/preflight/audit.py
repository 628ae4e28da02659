"""Checks of an audit and its inputs before a GPU is rented, and the table of its models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path

from pydantic import JsonValue

from tasks.audit import Audit, AuditedModel
from tasks.common.errors import HindsightError
from tasks.doctor.reach import store_round_trip
from tasks.embed.architecture import read_architecture
from tasks.embed.outline import Outline, outline, width_of
from tasks.preflight.checks.artifacts import panel_checks, sentences_check, weights_check
from tasks.preflight.checks.machine import credentials_line, embedded_bytes, space_checks
from tasks.preflight.checks.money import forecast_lines
from tasks.preflight.checks.pools import machine_lines
from tasks.preflight.checks.probes import probe_checks
from tasks.preflight.forecast import StageForecast, forecast_audit
from tasks.preflight.ladders import ladder_checks
from tasks.preflight.power import power_checks
from tasks.preflight.write import log_and_raise
from tasks.premium.config import VintagesConfig
from tasks.premium.vintages import check_widths, serve
from tasks.schemas.artifacts import Check, Embeddings, MeasuredModel, ModelFolder, Panel, Preflight
from tasks.schemas.check_lines import check_call, info_line
from tasks.schemas.probe import ProbeItems
from tasks.store.store import Store


@dataclass(frozen=True)
class AuditInputs:
    """The audit, its fetched artifacts, and the store for the results."""

    audit: Audit
    panel: Panel
    models: Mapping[str, ModelFolder]
    """Those to load, by name."""
    vectors: Mapping[str, Embeddings]
    """Those brought along, by the name of their model."""
    store: Store
    items: ProbeItems | None = None
    """What models are asked, where the audit has probes."""

    @classmethod
    def of(cls, audit: Audit, folders: Mapping[str, Path], store: Store) -> "AuditInputs":
        """From the fetched artifacts' folders: `panel`, any probes' `items`, each model or its vectors by its name."""
        models = {model.name: ModelFolder(folders[model.name]) for model in audit.models if model.model}
        vectors = {model.name: Embeddings(folders[model.name]) for model in audit.models if model.vectors}
        items = ProbeItems(folders["items"]) if audit.probe else None
        return cls(audit, Panel(folders["panel"]), models, vectors, store, items)

    @cached_property
    def days(self) -> list[date]:
        """The panel's distinct days, in order."""
        return sorted(self.panel.rows()["date"].dt.date.unique())

    @cached_property
    def ends(self) -> list[date]:
        """By day, in order, when the last target of its rows ends."""
        rows = self.panel.rows()
        return [end.date() for end in rows.groupby("date")["label_until"].max()]

    @cached_property
    def n_rows(self) -> int:
        """Of the panel."""
        return len(self.panel.rows())

    @cached_property
    def forecast(self) -> list[StageForecast]:
        """Hours and dollars of rented embeddings."""
        return forecast_audit(self.audit, self.n_rows, self.models)

    def width(self, name: str) -> int:
        """Width of a model's states.

        Raises:
            UnusableModel: If transformers does not know the architecture.
        """
        if name in self.vectors:
            return int(self.vectors[name].states().shape[1])
        model = self.models[name]
        if model.allowed_code() is not None:
            return self.outline(name).width
        return width_of(read_architecture(self.audit.embed, model).config)

    @cached_property
    def _outlines(self) -> dict[str, Outline]:
        return {}

    def outline(self, name: str) -> Outline:
        """A model's width and its sentences' lengths; read once, as reading takes a process where its own code runs.

        Raises:
            HindsightError: If embedding would refuse the model or a sentence.
        """
        if name not in self._outlines:
            self._outlines[name] = outline(self.audit.embed, self.panel, self.models[name])
        return self._outlines[name]


def write_audit_checks(inputs: AuditInputs, folder: Path) -> dict[str, JsonValue]:
    """Check an audit against its inputs and write `checks.json`.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    checks = [*changeable_checks(inputs), *_input_checks(inputs)]
    log_and_raise(checks)
    notes = list(inputs.audit.notes(inputs.days[-1]))
    found = Preflight(checks=checks, models=_measured(inputs), notes=notes)
    (folder / "checks.json").write_text(found.model_dump_json(indent=1) + "\n")
    return {
        "n_checks": len(checks),
        "forecast": {stage.step: stage.facts() for stage in inputs.forecast},
        "notes": list(notes),
    }


def changeable_checks(inputs: AuditInputs) -> list[Check]:
    """The checks of store, disk and money: results may change while audit and inputs do not."""
    store, limits = inputs.store, inputs.audit.limits
    asked = machine_lines(store, inputs.audit.route.model_dump().values(), limits.doctor_hours)
    return [store_round_trip(store), *_space(inputs), credentials_line(store), *asked, *_money(inputs)]


def _space(inputs: AuditInputs) -> Iterator[Check]:
    try:
        widths = [inputs.width(name) for name in inputs.models]
    except HindsightError:
        return  # reported by the check of the model's sentences
    needed = sum(embedded_bytes(inputs.n_rows, width, inputs.audit.embed) for width in widths)
    yield from space_checks(inputs.store, needed, needed if inputs.audit.route.embed == "cpu" else 0)


def _money(inputs: AuditInputs) -> Iterator[Check]:
    try:
        stages = inputs.forecast
    except HindsightError as error:
        yield Check(name="prices", passed=False, value=str(error), bound="a price list that can be read")
        return
    yield from forecast_lines(stages, "none: the models are embedded on the cpu pool, which rents nothing")


def _input_checks(inputs: AuditInputs) -> Iterator[Check]:
    """Vintages, panel and ladders, each model's weights, sentences and cutoff, then whether the panel can be drawn."""
    audit = inputs.audit
    stitched = [_vintages(inputs, audit.premium.vintages)] if audit.premium.vintages else []
    yield from stitched
    if are_served := all(check.passed for check in stitched):
        yield from panel_checks(inputs.panel, audit.measured)
    yield from ladder_checks(inputs)
    for model in audit.models:
        if model.model:
            folder, allowed = inputs.models[model.name], getattr(model.model.source, "allow_code", None)
            yield weights_check(model.name, folder, may_have_code=allowed is not None)
            yield sentences_check(f"{model.name} sentences", audit.embed, partial(inputs.outline, model.name))
        if model.name in audit.probed:
            yield from _probes(inputs, model.name)
        yield info_line(f"{model.name} cutoff", _cutoff(model, inputs.days))
    try:
        reference = audit.measured.reference or audit.models[0].name
        width = inputs.width(reference)
    except HindsightError:
        return  # reported by the check of the model's sentences
    if are_served:
        # Vectors brought along exist already; a model's states do not.
        states = inputs.vectors.get(reference)
        yield from power_checks(audit.measured, audit.report.plumbing_only, width, inputs.panel, states)


def _probes(inputs: AuditInputs, name: str) -> Iterator[Check]:
    if inputs.audit.probe and inputs.items:
        way_out = f"Name the models to ask in probe.models, without {name}, or leave probe out."
        yield from probe_checks(name, inputs.audit.probe.answers, inputs.models[name], inputs.items, way_out)


def _vintages(inputs: AuditInputs, config: VintagesConfig) -> Check:
    """The vintages have states of one width, and serve rows; how many rows they do not serve."""

    def count() -> str:
        days, cutoffs = inputs.panel.rows()["date"], inputs.audit.cutoffs
        found = serve(days, [model.name for model in inputs.audit.models], config, cutoffs).facts
        check_widths({vintage.model: inputs.width(vintage.model) for vintage in found.served})
        served = ", ".join(f"{vintage.model} {vintage.n_rows:,} rows" for vintage in found.served)
        none = found.unserved
        left_out = f", {none.first} to {none.last}, left out of every model's figures" if none.n_rows else ""
        return f"{served}; none {none.n_rows:,} rows{left_out}"

    return check_call("vintages", "states of one width, and a model for some of the rows", count)


def _cutoff(model: AuditedModel, days: list[date]) -> str:
    before, after = _days_about(model, days)
    if before is None:
        return "unknown: the model may know every day of the panel"
    if not after:
        return f"{model.cutoff}: no day of the panel lies after it, so the model may know every one"
    return f"{model.cutoff}: {before:,} days of the panel up to it, {after:,} after it"


def _days_about(model: AuditedModel, days: list[date]) -> tuple[int | None, int | None]:
    if not isinstance(model.cutoff, date):
        return None, None
    after = sum(day > model.cutoff for day in days)
    return len(days) - after, after


def _measured(inputs: AuditInputs) -> list[MeasuredModel]:
    found = []
    for model in inputs.audit.models:
        before, after = _days_about(model, inputs.days)
        found.append(
            MeasuredModel(
                name=model.name,
                cutoff=str(model.cutoff),
                what=model.description,
                width=inputs.width(model.name),
                n_days_before=before,
                n_days_after=after,
            )
        )
    return found
