"""What it will take: hours and dollars by stage, and whether training's deadline lets it end."""

from collections.abc import Iterator

from tasks.artifacts import Check
from tasks.errors import HindsightError
from tasks.preflight.checks.inputs import told
from tasks.preflight.checks.subject import Subject
from tasks.preflight.forecast import Forecast, forecast, total


def money_checks(subject: Subject) -> Iterator[Check]:
    """A line per routed stage, one for all, and training's deadline."""
    try:
        stages = forecast(subject)
    except HindsightError as error:
        yield Check(name="prices", passed=False, value=str(error), bound="a price list that can be read")
        return
    for stage in stages:
        yield told(f"forecast {stage.step}", str(stage))
    yield told("forecast of all", _all(stages) if stages else "none: plain kernels run on processors, of no known rate")
    yield from _deadline(subject, stages)


def _all(stages: list[Forecast]) -> str:
    everything = total(stages)
    left_out = [stage.step for stage in stages if stage.hours is None]
    return str(everything) + (f", without {', '.join(left_out)}" if left_out else "")


def _deadline(subject: Subject, stages: list[Forecast]) -> Iterator[Check]:
    deadline = subject.recipe.train.deadline_minutes / 60
    for hours in [stage.hours for stage in stages if stage.step == "train" and stage.hours is not None]:
        yield Check(
            name="training deadline",
            passed=hours.high <= deadline,
            value=f"{hours} h forecast",
            bound=f"train.deadline_minutes, {deadline:g} h",
            way_out="Raise train.deadline_minutes, lower train.token_budget, or train the other arm.",
        )
