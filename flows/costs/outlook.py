"""What each step of a run has spent, beside its forecast, and whether the next step would exceed the limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from tasks.common.settings import Frozen
from tasks.costs.prices import Prices, add_known, charge
from tasks.costs.usage import MachineStay, failed_since_success, sum_failed
from tasks.store.records import Record


class Forecast(Frozen):
    """Predicted hours and dollars of a step."""

    pool: str
    hours: tuple[float, float] | None
    """From the fastest rate known to the slowest."""
    dollars: tuple[float, float] | None
    """At the prices of the day of the forecast."""

    def at(self, prices: Prices) -> tuple[float, float] | None:
        """Dollars at other prices, low to high; None where there are no hours or no price."""
        price = prices.find(self.pool)
        if self.hours is None or price is None:
            return None
        low, high = self.hours
        return low * price.dollars_per_hour, high * price.dollars_per_hour


def forecasts(facts: Mapping[str, JsonValue]) -> dict[str, Forecast]:
    """The forecasts in the facts of a record (preflight's), by step."""
    found = facts.get("forecast")
    return {step: Forecast.model_validate(one) for step, one in found.items()} if isinstance(found, dict) else {}


@dataclass(frozen=True)
class StepUsage:
    """What is known of the machine time of one step of a run.

    Args:
        name: In the pipeline, such as `embed base`.
        pool: Where it is routed.
        is_reached: Whether its inputs exist, so that its artifact has a key.
        record: Of its artifact, if that exists.
        stays: Times on machines of all runs that were sent to build it, by any parent.
        n_runs: How many runs.
        n_alive: Of them, how many have not ended.
        forecast: If there is one.
    """

    name: str
    pool: str
    is_reached: bool = False
    record: Record | None = None
    stays: Sequence[MachineStay] = field(default=())
    n_runs: int = 0
    n_alive: int = 0
    forecast: Forecast | None = None

    def stays_since(self, since: datetime) -> list[MachineStay]:
        """Those that a run which began then pays for; a stay it re-attached to counts from its own beginning."""
        return [stay for stay in self.stays if stay.ended is None or stay.ended > since]

    def failed_before(self, since: datetime) -> list[MachineStay]:
        """Failed attempts that earlier runs have paid and that no record holds."""
        return failed_since_success(stay for stay in self.stays if stay.ended is not None and stay.ended <= since)


@dataclass(frozen=True)
class Cost:
    """What something took.

    Args:
        seconds: On machines, failed attempts included.
        queued_seconds: Before them.
        dollars: In all; None where a pool has no price.
        n_failed: Failed attempts.
        failed_dollars: The part of the dollars they took.
    """

    seconds: float
    queued_seconds: float
    dollars: float | None
    n_failed: int
    failed_dollars: float | None


def cost_of(step: StepUsage, since: datetime, now: datetime, prices: Prices) -> Cost:
    """Add up what a step has taken since a run began.

    Args:
        step: The step.
        since: When the run first began: its retries go on with the same bill.
        now: Running stages are counted up to this moment.
        prices: Dollars.
    """
    stays = step.stays_since(since)
    failed = sum_failed((stay for stay in stays if stay.outcome == "failed"), prices)
    return Cost(
        seconds=sum(stay.seconds(now) for stay in stays),
        queued_seconds=sum(stay.queued_seconds for stay in stays),
        dollars=add_known(charge(prices.find(stay.pool, stay.began), stay.seconds(now)) for stay in stays),
        n_failed=failed.n,
        failed_dollars=failed.dollars,
    )


@dataclass(frozen=True)
class Outlook:
    """What a run has spent and may spend if one more step starts.

    Args:
        step: The step about to start.
        pool: Where.
        spent: Dollars so far, failed attempts and running steps included.
        under_way: Dollars that steps already let through may still take, by the upper ends of their forecasts.
        low: Lower end of the step's own forecast.
        high: Its upper end; None where there is no forecast.
        limit: `limits.max_dollars`, or a person's later answer.
    """

    step: str
    pool: str
    spent: float
    under_way: float
    low: float | None
    high: float | None
    limit: float

    @property
    def in_all(self) -> float:
        """The most the run may have spent then, as far as that is known."""
        return self.spent + self.under_way + (self.high or 0.0)

    @property
    def exceeds(self) -> bool:
        """Whether a person must be asked. A step without a forecast may start until the limit is reached without it."""
        # Written so that a sum that is not a number exceeds every limit.
        return not (self.in_all < self.limit if self.high is None else self.in_all <= self.limit)

    def __str__(self) -> str:
        """The facts of the question in one sentence."""
        own = f"${self.low:,.2f} to ${self.high:,.2f}" if self.high is not None else "an unknown sum (no forecast)"
        in_all = "in all" if self.high is not None else "without it"
        return (
            f"{self.step} on {self.pool} would take {own}; ${self.spent:,.2f} are spent, stages under way may take "
            f"${self.under_way:,.2f} more: ${self.in_all:,.2f} {in_all}, limit ${self.limit:,.2f}."
        )


def outlook(
    name: str,
    steps: Sequence[StepUsage],
    let_through: Mapping[str, int],
    limit: float,
    since: datetime,
    now: datetime,
    prices: Prices,
) -> Outlook | None:
    """What a step would add to the bill; None where it adds nothing: it exists, it runs already, its pool is free.

    Args:
        name: The step about to start.
        steps: All of the run.
        let_through: Steps that were let through, with their number of runs then: until a new run has ended they count
            with their forecasts.
        limit: Dollars.
        since: When the run first began.
        now: Running steps are counted up to this moment.
        prices: Dollars.
    """
    step = next(step for step in steps if step.name == name)
    price = prices.find(step.pool)
    if step.record or step.n_alive or price is None or price.dollars_per_hour == 0:
        return None
    low, high = (step.forecast.at(prices) if step.forecast else None) or (None, None)
    return Outlook(
        step=name,
        pool=step.pool,
        spent=sum(cost_of(each, since, now, prices).dollars or 0.0 for each in steps),
        under_way=sum(_to_come(each, now, prices) for each in steps if _is_under_way(each, let_through)),
        low=low,
        high=high,
        limit=limit,
    )


def _is_under_way(step: StepUsage, let_through: Mapping[str, int]) -> bool:
    awaits_run = step.name in let_through and step.n_runs <= let_through[step.name]
    return step.record is None and (step.n_alive > 0 or awaits_run)


def _to_come(step: StepUsage, now: datetime, prices: Prices) -> float:
    expected = step.forecast.at(prices) if step.forecast else None
    had = [
        charge(prices.find(stay.pool, stay.began), stay.seconds(now)) or 0.0
        for stay in step.stays
        if stay.ended is None
    ]
    return max(expected[1] - sum(had), 0.0) if expected else 0.0
