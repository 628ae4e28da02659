"""The leakage-audit pipeline: a panel, any number of models that exist already, the measure, the report."""

from flows.pipelines.pipeline import Pipeline, Step
from tasks.audit import Audit


def leakage_audit_pipeline(audit: Audit) -> Pipeline:
    """The run that an audit describes."""
    tags = (f"recipe:{audit.name}", f"models:{len(audit.models)}")
    return Pipeline(audit.name, leakage_audit_steps(audit), tags, audit.limits, audit.report.plumbing_only)


def leakage_audit_steps(audit: Audit) -> tuple[Step, ...]:
    """The steps of an audit: one model and one embedding per entry, on one panel."""
    names = [model.name for model in audit.models]
    prices = [Step("prices", "prices", audit.panel.prices)] if audit.panel.prices else []
    embeddings = {name: f"embed {name}" for name in names}
    return (
        *prices,
        Step("panel", "panel", audit.panel, inputs={"prices": "prices"} if prices else {}),
        *(Step(f"model {model.name}", "base", model.model) for model in audit.models),
        Step(
            "preflight",
            "preflight_audit",
            audit,
            inputs={"panel": "panel"} | {name: f"model {name}" for name in names},
            # Disk, store and prices may have changed since preflight passed.
            rerun_until_built=tuple(embeddings.values()),
        ),
        *(
            Step(
                step,
                "embed",
                audit.embed,
                inputs={"panel": "panel", "model": f"model {name}"},
                after=("preflight",),
                pool=audit.route.embed,
            )
            for name, step in embeddings.items()
        ),
        Step("premium", "premium", audit.measured, inputs={"panel": "panel", **embeddings}),
        Step("report", "report", audit.report, inputs={"premium": "premium", "preflight": "preflight"}),
    )
