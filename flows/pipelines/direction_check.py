"""The direction-check pipeline: a panel of currency pairs, forecasts scored by split, the report."""

from flows.pipelines.pipeline import Pipeline, Step
from tasks.direction_check import DirectionCheck


def direction_check_pipeline(check: DirectionCheck) -> Pipeline:
    """The run that a direction check describes."""
    steps = (
        Step("panel", "panel", check.panel),
        Step("evaluate", "evaluate", check.evaluate, inputs={"panel": "panel"}),
        Step("report", "direction_report", check.report, inputs={"evaluate": "evaluate"}),
    )
    return Pipeline(check.name, steps, (f"recipe:{check.name}",), check.limits, check.report.plumbing_only)
