"""The leakage-audit pipeline: a panel, any number of models that exist already, the measure, the report."""

from flows.pipelines.pipeline import Pipeline, Step
from flows.pipelines.recall_probes import probe_items_steps, probe_steps, recall_steps
from tasks.audit import Audit, AuditedModel
from tasks.base.config import BaseConfig


def leakage_audit_pipeline(audit: Audit) -> Pipeline:
    """The run that an audit describes."""
    tags = (f"recipe:{audit.name}", f"models:{len(audit.models)}")
    return Pipeline(audit.name, leakage_audit_steps(audit), tags, audit.limits, audit.report.plumbing_only)


def leakage_audit_steps(audit: Audit) -> tuple[Step, ...]:
    """The steps of an audit: one model and one embedding per entry on one panel, or the vectors brought along."""
    prices = [Step("prices", "prices", audit.panel.prices)] if audit.panel.prices else []
    sources = [_source(model) for model in audit.models]
    embeddings = [_embedding(model.name, audit) for model in audit.models if model.model]
    states = {model.name: f"embed {model.name}" if model.model else f"vectors {model.name}" for model in audit.models}
    items = probe_items_steps(audit.probe, audit.probe_items)
    probes = probe_steps(audit.probe, {name: f"model {name}" for name in audit.probed}, audit.route.probe)
    recall = recall_steps(audit.recall, audit.probed)
    return (
        *prices,
        Step("panel", "panel", audit.panel, inputs={"prices": "prices"} if prices else {}),
        *items,
        *sources,
        Step(
            "preflight",
            "preflight_audit",
            audit,
            inputs={"panel": "panel"}
            | {model.name: step.name for model, step in zip(audit.models, sources, strict=True)}
            # What cannot be asked is refused before anything is rented.
            | ({"items": "probe items"} if items else {}),
            # Disk, store and prices may have changed since preflight passed.
            rerun_until_built=tuple(step.name for step in (*embeddings, *probes)),
        ),
        *embeddings,
        *probes,
        Step("premium", "premium", audit.measured, inputs={"panel": "panel", **states}),
        *recall,
        Step(
            "report",
            "report",
            audit.report,
            inputs={"premium": "premium", "preflight": "preflight"} | {step.name: step.name for step in recall},
        ),
    )


def _source(model: AuditedModel) -> Step:
    """The model, or vectors in its place: their keys are compared with the panel before anything is rented."""
    if model.vectors:
        return Step(f"vectors {model.name}", "vectors", model.vectors, inputs={"panel": "panel"})
    return Step(f"model {model.name}", "base", model.model or BaseConfig())


def _embedding(name: str, audit: Audit) -> Step:
    return Step(
        f"embed {name}",
        "embed",
        audit.embed,
        inputs={"panel": "panel", "model": f"model {name}"},
        after=("preflight",),
        pool=audit.route.embed,
    )
