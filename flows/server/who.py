"""Who started a run."""

from prefect.client.schemas import FlowRun


def who(run: FlowRun) -> str:
    """A person by the tag `by:NAME`, a sweep, a schedule, an automation; else `unknown`."""
    names = [tag.removeprefix("by:") for tag in run.tags if tag.startswith("by:")]
    names += ["sweep" for tag in run.tags if tag.startswith("sweep:")]
    if run.created_by:
        names.append(" ".join(filter(None, [(run.created_by.type or "").lower(), run.created_by.display_value])))
    return ", ".join(dict.fromkeys(names)) or "unknown"
