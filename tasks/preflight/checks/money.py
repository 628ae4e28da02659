"""StageForecast of hours and dollars by stage, training's deadline, and the spending limit."""

from collections.abc import Iterator

from tasks.common.errors import HindsightError
from tasks.preflight.forecast import StageForecast, forecast, total
from tasks.preflight.planned_run import PlannedRun
from tasks.rent.config import load_rent
from tasks.schemas.artifacts import Check
from tasks.schemas.check_lines import info_line
from tasks.train.config import TrainConfig


def money_checks(run: PlannedRun) -> Iterator[Check]:
    """A line per routed stage, one for all, and training's deadline."""
    try:
        stages = forecast(run)
    except HindsightError as error:
        yield Check(name="prices", passed=False, value=str(error), bound="a price list that can be read")
        return
    yield from forecast_lines(stages, "none: no rate is known for plain kernels")
    yield from deadline_check(run.recipe.train, "train", stages)


def forecast_lines(stages: list[StageForecast], why_none: str) -> Iterator[Check]:
    """A line per stage with a forecast, one for all, and whether each ends before a rented machine's lease does."""
    for stage in stages:
        yield info_line(f"forecast {stage.step}", str(stage))
    yield info_line("forecast of all", _all(stages) if stages else why_none)
    yield from lease_checks(stages)


def lease_checks(stages: list[StageForecast]) -> Iterator[Check]:
    """The stages on rented pools: at the end of its lease a machine stops whatever runs.

    Raises:
        BadRent: If configs/rent.yaml is not valid.
    """
    rent = load_rent()
    for stage in stages:
        if stage.hours is not None and (rented := rent.find(stage.pool)):
            yield Check(
                name=f"lease for {stage.step}",
                passed=stage.hours.high <= rented.lease_hours,
                value=f"{stage.hours} h forecast",
                bound=f"lease_hours of pool {stage.pool}, {rented.lease_hours:g} h",
                way_out="Raise lease_hours in configs/rent.yaml: receipts end a machine earlier.",
            )


def limit_checks(run: PlannedRun) -> Iterator[Check]:
    """How the spending limit affects this run. It cannot fail: the run asks before it exceeds the limit.

    A limit changes no artifact, so these lines are logged and not published.
    """
    limit = run.recipe.limits.max_dollars
    if limit is None:
        return
    try:
        stages = forecast(run)
    except HindsightError:
        return  # reported by the check `prices`
    yield info_line("limit of dollars", f"limits.max_dollars is ${limit:,.2f}; {_limit_effect(stages, limit)}")


def _limit_effect(stages: list[StageForecast], limit: float) -> str:
    spent = 0.0
    for stage in stages:
        spent += stage.dollars.high if stage.dollars else 0.0
        if stage.dollars and not spent <= limit:
            return (
                f"the run will ask before {stage.step}, unless its artifact exists: that brings the cost up to "
                f"${spent:,.2f}"
            )
    if any(stage.dollars is None for stage in stages) or not stages:
        return "stages without a price or rate start while less than the limit is spent"
    return f"all stages stay below the limit, by ${limit - spent:,.2f} at the slowest rates"


def _all(stages: list[StageForecast]) -> str:
    everything = total(stages)
    left_out = [stage.step for stage in stages if stage.hours is None]
    return str(everything) + (f", without {', '.join(left_out)}" if left_out else "")


def deadline_check(train: TrainConfig, step: str, stages: list[StageForecast]) -> Iterator[Check]:
    """A training ends before its deadline at the slowest rate known; no check where no rate is known."""
    deadline = train.deadline_minutes / 60
    for hours in [stage.hours for stage in stages if stage.step == step and stage.hours is not None]:
        yield Check(
            name="training deadline",
            passed=hours.high <= deadline,
            value=f"{hours} h forecast",
            bound=f"deadline_minutes, {deadline:g} h",
            way_out="Raise the training's deadline_minutes, or train on fewer tokens.",
        )
