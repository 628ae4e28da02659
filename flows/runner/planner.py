"""What a run would do, step by step: what exists, what would run, where, for how long, and why. Nothing is started."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import JsonValue

from flows.costs.outlook import Forecast, forecasts
from flows.pipelines.pipeline import Pipeline, Step
from flows.runner.from_stage import MISSING, check_from_stage
from flows.stages import STAGES
from flows.status import StepStatus, pool_of, step_statuses
from tasks.common.text import DASH, SECONDS_PER_HOUR, duration
from tasks.costs.prices import Prices, load_prices
from tasks.store.catalogue import records
from tasks.store.records import Record, differences
from tasks.store.store import Store

log = logging.getLogger(__name__)

Range = tuple[float, float]
NO_ESTIMATES: Mapping[str, Forecast] = MappingProxyType({})


@dataclass(frozen=True)
class PlannedStep:
    """One row of the plan.

    Args:
        name: The step.
        pool: Where it runs.
        status: `exists`, `runs`, `is rebuilt`, or `is checked again` (its artifact exists, its checks run anew).
        hours: Predicted, low to high; None if nothing is known.
        dollars: Predicted, low to high; None if nothing is known.
        basis: What the prediction rests on.
        reason: Why it runs, or where its artifact is.
    """

    name: str
    pool: str
    status: str
    hours: Range | None
    dollars: Range | None
    basis: str
    reason: str

    def cells(self) -> dict[str, str]:
        """The row as text."""
        return {
            "step": self.name,
            "status": self.status,
            "pool": self.pool,
            "time": _range(self.hours, lambda hours: duration(hours * SECONDS_PER_HOUR)),
            "dollars": _range(self.dollars, "{:,.2f}".format),
            "prediction from": self.basis or DASH,
            "reason": self.reason,
        }


def plan_steps(
    pipeline: Pipeline, store: Store, from_stage: str = MISSING, estimates: Mapping[str, Forecast] = NO_ESTIMATES
) -> list[PlannedStep]:
    """A row per step, in the pipeline's order.

    Args:
        pipeline: What would run.
        store: Where artifacts are.
        from_stage: As for a run.
        estimates: Forecasts by step, used where no record (preflight's) holds one.

    Raises:
        StageNotRun: If such a run would be refused.
        StoreError: If a record is damaged.
    """
    check_from_stage(from_stage, pipeline, store)
    rebuilt = frozenset() if from_stage == MISSING else pipeline.stage_and_dependents(from_stage)
    statuses = step_statuses(pipeline, store)
    existing = _records_by_stage(pipeline.steps, store)
    expected = {name: (forecast, "the recipe alone") for name, forecast in estimates.items()}
    for status in statuses.values():
        found = forecasts(status.record.facts) if status.record else {}
        expected |= {name: (forecast, "preflight") for name, forecast in found.items()}
    return [_planned(status, statuses, rebuilt, existing, expected.get(name)) for name, status in statuses.items()]


def plan_table(rows: Iterable[PlannedStep]) -> list[dict[str, str]]:
    """The plan as rows of text, with a row of totals over the steps that run."""
    rows = list(rows)
    running = [row for row in rows if row.status != "exists"]
    n_unknown = sum(row.hours is None for row in running)
    total = PlannedStep(
        name="all steps that run",
        pool="",
        status=f"{len(running)} of {len(rows)}",
        hours=_sum(row.hours for row in running),
        dollars=_sum(row.dollars for row in running),
        basis="",
        reason=f"{n_unknown} of them without a prediction" if n_unknown else "",
    )
    return [row.cells() for row in [*rows, total]]


def _records_by_stage(steps: Iterable[Step], store: Store) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for stage in dict.fromkeys(step.stage for step in steps):
        found[stage], unreadable = records(store, stage)
        for error in unreadable:
            log.warning("not compared with: %s", error)
    return found


def _planned(
    status: StepStatus,
    statuses: Mapping[str, StepStatus],
    rebuilt: Collection[str],
    existing: Mapping[str, list[Record]],
    forecast: tuple[Forecast, str] | None,
) -> PlannedStep:
    step = status.step
    nearest = _nearest(status, existing[step.stage])
    what, reason = _status(status, statuses, rebuilt, nearest)
    hours, dollars, basis = (None, None, "") if what == "exists" else _prediction(step, forecast, nearest)
    return PlannedStep(step.name, pool_of(step), what, hours, dollars, basis, reason)


def _status(
    status: StepStatus, statuses: Mapping[str, StepStatus], rebuilt: Collection[str], nearest: Record | None
) -> tuple[str, str]:
    step = status.step
    if step.name in rebuilt:
        return "is rebuilt", "from_stage asks for it"
    if status.record:
        ahead = [name for name in step.rerun_until_built if name in rebuilt or statuses[name].record is None]
        if ahead:
            return "is checked again", f"{ahead[0]} is still to run"
        return "exists", status.record.ref.path
    made = [name for name in step.inputs.values() if name in statuses]
    if missing := [name for name in made if statuses[name].record is None]:
        return "runs", f"its input {missing[0]} does not exist yet"
    if status.spec is None:
        return "runs", "it starts from what is in production when the run begins"
    if nearest is None:
        return "runs", f"the store has no {step.stage} artifact"
    difference = next(differences(nearest.identity, _identity(status)), "its record cannot be read")
    return "runs", f"nearest is {nearest.ref.path}: there {difference}"


def _identity(status: StepStatus) -> dict[str, JsonValue]:
    if status.spec:
        return status.spec.identity
    stage = STAGES[status.step.stage].artifact_type
    return {"kind": stage.kind, "revision": stage.revision, "config": status.step.config.identity()}


def _nearest(status: StepStatus, candidates: list[Record]) -> Record | None:
    """The artifact of the stage that differs in the fewest identity fields; of several the newest."""
    asked = _identity(status)

    def distance(record: Record) -> tuple[int, float]:
        known = {name: value for name, value in record.identity.items() if name in asked}
        return sum(1 for _ in differences(known, asked)), -record.finished_at.timestamp()

    return min(candidates, key=distance, default=None)


def _prediction(
    step: Step, forecast: tuple[Forecast, str] | None, nearest: Record | None
) -> tuple[Range | None, Range | None, str]:
    prices = load_prices()
    if forecast and forecast[0].hours:
        return forecast[0].hours, forecast[0].at(prices), forecast[1]
    if nearest and nearest.spent and nearest.spent.pool == pool_of(step):
        hours = nearest.spent.seconds / SECONDS_PER_HOUR
        return (hours, hours), _dollars((hours, hours), pool_of(step), prices), f"time of {nearest.ref.path}"
    return None, None, ""


def _dollars(hours: Range, pool: str, prices: Prices) -> Range | None:
    price = prices.find(pool)
    return None if price is None else (hours[0] * price.dollars_per_hour, hours[1] * price.dollars_per_hour)


def _sum(ranges: Iterable[Range | None]) -> Range | None:
    known = [one for one in ranges if one is not None]
    return (sum(low for low, _ in known), sum(high for _, high in known)) if known else None


def _range(ends: Range | None, shown: Callable[[float], str]) -> str:
    if ends is None:
        return DASH
    low, high = map(shown, ends)
    return high if low == high else f"{low} to {high}"
