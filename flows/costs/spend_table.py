"""The table of what a run has spent, beside its forecast."""

from collections.abc import Sequence
from datetime import datetime

from flows.costs.outlook import Cost, StepUsage, cost_of
from tasks.costs.prices import SECONDS_PER_HOUR, Prices, add_known
from tasks.costs.usage import sum_failed
from tasks.rent.machines import Machine

Row = dict[str, str]
Ends = tuple[float, float]

EARLIER = "paid by earlier runs, $"
UNKNOWN = "unknown"


def spend_table(
    steps: Sequence[StepUsage], since: datetime, now: datetime, prices: Prices, machines: Sequence[Machine] = ()
) -> list[Row]:
    """A row per step, one per rented machine, and a row of totals.

    A machine's row has its whole bill, also for its start and while it idled, and names what was lost on it; the total
    is that of the steps.

    An artifact that existed costs this run nothing; what earlier runs paid for it has a column of its own.

    Args:
        steps: All of the run, in order.
        since: When the run first began.
        now: Running steps are counted up to this moment.
        prices: Dollars.
        machines: Those that the run rented, or had its artifacts made on.
    """
    costs = [cost_of(step, since, now, prices) for step in steps]
    earlier = [_paid_earlier(step, since, prices) for step in steps]
    rows = [_row(*known, since, prices) for known in zip(steps, costs, earlier, strict=True)]
    hours = [step.forecast.hours for step in steps if step.forecast and step.forecast.hours]
    expected = [step.forecast.at(prices) for step in steps if step.forecast and step.forecast.hours]
    total = {
        "step": "this run",
        "pool": "",
        "what": "",
        "forecast, h": _span(_ends(hours), ".3g"),
        "forecast, $": _span(_ends(expected), ".2f"),
        **_figures(_total(costs)),
        EARLIER: _dollars(add_known(earlier)),
    }
    return [*rows, *(_machine_row(machine, now) for machine in machines), total]


def _machine_row(machine: Machine, now: datetime) -> Row:
    stopped = machine.find("stopped")
    hours = _hours(((stopped.at if stopped else now) - machine.rented_at).total_seconds())
    what = "stopped" if stopped else "still rented"
    return {
        "step": f"machine {machine.name} of {machine.terms.provider}",
        "pool": machine.terms.pool,
        "what": f"LOST: {', '.join(machine.lost)}" if machine.lost else what,
        "forecast, h": "",
        "forecast, $": "",
        "hours": hours,
        "waiting, h": "",
        "failed attempts": "",
        "of failed attempts, $": "",
        "dollars": _dollars(machine.dollars(now)),
        EARLIER: "",
    }


def _row(step: StepUsage, cost: Cost, earlier: float | None, since: datetime, prices: Prices) -> Row:
    return {
        "step": step.name,
        "pool": step.pool,
        "what": _what(step, since),
        "forecast, h": _span(step.forecast.hours if step.forecast else None, ".3g"),
        "forecast, $": _span(step.forecast.at(prices) if step.forecast else None, ".2f"),
        **_figures(cost),
        EARLIER: _dollars(earlier),
    }


def _what(step: StepUsage, since: datetime) -> str:
    if step.n_alive:
        return "runs" if any(stay.outcome == "live" for stay in step.stays) else "waits"
    if step.record:
        return "built" if step.record.finished_at > since else "found"
    if not step.is_reached:
        return "not reached"
    return "failed" if step.stays_since(since) else "not started"


def _figures(cost: Cost) -> Row:
    return {
        "hours": _hours(cost.seconds),
        "waiting, h": _hours(cost.queued_seconds),
        "failed attempts": str(cost.n_failed),
        "of failed attempts, $": _dollars(cost.failed_dollars),
        "dollars": _dollars(cost.dollars),
    }


def _total(costs: Sequence[Cost]) -> Cost:
    return Cost(
        seconds=sum(cost.seconds for cost in costs),
        queued_seconds=sum(cost.queued_seconds for cost in costs),
        dollars=add_known(cost.dollars for cost in costs),
        n_failed=sum(cost.n_failed for cost in costs),
        failed_dollars=add_known(cost.failed_dollars for cost in costs),
    )


def _paid_earlier(step: StepUsage, since: datetime, prices: Prices) -> float | None:
    if step.record is None or step.record.finished_at > since:
        return sum_failed(step.failed_before(since), prices).dollars
    # Before schema 3 no record tells.
    return step.record.spent.dollars if step.record.spent else None


def _ends(spans: Sequence[Ends | None]) -> Ends | None:
    known = [span for span in spans if span is not None]
    if not known or len(known) < len(spans):
        return None
    return sum(low for low, _ in known), sum(high for _, high in known)


def _span(ends: Ends | None, form: str) -> str:
    if ends is None:
        return ""
    low, high = (f"{end:{form}}" for end in ends)
    return high if low == high else f"{low} to {high}"


def _hours(seconds: float) -> str:
    return f"{seconds / SECONDS_PER_HOUR:.3f}"


def _dollars(amount: float | None) -> str:
    return UNKNOWN if amount is None else f"{amount:.2f}"
