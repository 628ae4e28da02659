"""What it will take: hours and dollars by stage, and whether training's deadline lets it end."""

from collections.abc import Iterator

from tasks.common.errors import HindsightError
from tasks.preflight.checks.inputs import told
from tasks.preflight.checks.planned_run import Subject
from tasks.preflight.forecast import Forecast, forecast, total
from tasks.schemas.artifacts import Check


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


def limit_checks(subject: Subject) -> Iterator[Check]:
    """What the limit means for this recipe. It cannot fail: the run itself asks before it would exceed its limit.

    A limit decides no artifact's bytes, so that these lines are printed and not published.
    """
    limit = subject.recipe.limits.max_dollars
    if limit is None:
        return
    try:
        stages = forecast(subject)
    except HindsightError:
        return  # said by `prices`
    yield told("limit of dollars", f"limits.max_dollars is ${limit:,.2f}; {_question(stages, limit)}")


def _question(stages: list[Forecast], limit: float) -> str:
    spent = 0.0
    for stage in stages:
        spent += stage.dollars.high if stage.dollars else 0.0
        if stage.dollars and spent > limit:
            return (
                f"the run will ask before {stage.step}, unless that stands: with it up to ${spent:,.2f} would be spent"
            )
    if any(stage.dollars is None for stage in stages) or not stages:
        return "what has no price or no rate starts as long as less than that is spent"
    return f"all stages stay below it, by ${limit - spent:,.2f} at the slowest rates"


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
