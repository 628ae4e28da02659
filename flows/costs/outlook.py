"""What a run spends, beside what preflight forecast, and whether its next stage would exceed its limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from tasks.common.settings import Frozen
from tasks.costs.prices import Prices, add_known, charge
from tasks.costs.usage import Stay, failed_since_success, sum_failed
from tasks.store.records import Record


class Forecast(Frozen):
    """What preflight's record says of a stage."""

    pool: str
    hours: tuple[float, float] | None
    """From the fastest rate known to the slowest."""
    dollars: tuple[float, float] | None
    """At the prices of the day of the preflight."""

    def at(self, prices: Prices) -> tuple[float, float] | None:
        """Dollars at other prices, low to high; None where there are no hours or no price."""
        price = prices.find(self.pool)
        if self.hours is None or price is None:
            return None
        low, high = self.hours
        return low * price.dollars_per_hour, high * price.dollars_per_hour


def forecasts(facts: Mapping[str, JsonValue]) -> dict[str, Forecast]:
    """The forecasts in the facts of a preflight's record, by step."""
    told = facts.get("forecast")
    return {step: Forecast.model_validate(said) for step, said in told.items()} if isinstance(told, dict) else {}


@dataclass(frozen=True)
class Step:
    """What is known of one step of a run.

    Args:
        name: In the pipeline, such as `embed base`.
        pool: Where it is routed.
        is_reached: Whether its inputs are there, so that its artifact has a name.
        record: Of its artifact, if that stands.
        stays: Times on machines of all runs that were to build it, other parents' among them.
        n_runs: Those runs.
        n_alive: Of them, how many have not ended.
        forecast: Preflight's, if there is one.
    """

    name: str
    pool: str
    is_reached: bool = False
    record: Record | None = None
    stays: Sequence[Stay] = field(default=())
    n_runs: int = 0
    n_alive: int = 0
    forecast: Forecast | None = None

    def stays_since(self, since: datetime) -> list[Stay]:
        """Those a run pays for that began then; one it re-attached to counts from its own beginning."""
        return [stay for stay in self.stays if stay.ended is None or stay.ended > since]

    def failed_before(self, since: datetime) -> list[Stay]:
        """Failed attempts that an earlier run has paid, as far as no record tells of them."""
        return failed_since_success(stay for stay in self.stays if stay.ended is not None and stay.ended <= since)


@dataclass(frozen=True)
class Cost:
    """What something took.

    Args:
        seconds: On machines, failed attempts included.
        queued_seconds: Before them.
        dollars: In all; None where a pool has no price.
        n_failed: Attempts in vain.
        failed_dollars: Of the dollars, theirs.
    """

    seconds: float
    queued_seconds: float
    dollars: float | None
    n_failed: int
    failed_dollars: float | None


def cost_of(step: Step, since: datetime, now: datetime, prices: Prices) -> Cost:
    """Add up what a step has taken since a run began.

    Args:
        step: The step.
        since: When the run first began: its retries go on with the same bill.
        now: Up to when a stage that runs is counted.
        prices: Dollars.
    """
    stays = step.stays_since(since)
    failed = sum_failed((stay for stay in stays if stay.outcome == "failed"), prices)
    return Cost(
        seconds=sum(stay.seconds(now) for stay in stays),
        queued_seconds=sum(stay.queued_seconds for stay in stays),
        dollars=add_known(charge(prices.find(stay.pool), stay.seconds(now)) for stay in stays),
        n_failed=failed.n,
        failed_dollars=failed.dollars,
    )


@dataclass(frozen=True)
class Outlook:
    """What a run has spent and may spend if one more stage starts.

    Args:
        step: The stage that is to start.
        pool: Where.
        spent: Dollars up to now, failed attempts and running stages included.
        under_way: What stages that were let through may take yet, at their forecasts' upper ends.
        low: The stage's own forecast.
        high: Its upper end; None where none is known.
        limit: `limits.max_dollars`, or what a person has answered since.
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
        """At most, as far as it is known."""
        return self.spent + self.under_way + (self.high or 0.0)

    @property
    def exceeds(self) -> bool:
        """Whether a person must be asked. What has no forecast may start until the limit is reached without it."""
        return self.in_all >= self.limit if self.high is None else self.in_all > self.limit

    def __str__(self) -> str:
        """The question's facts in a sentence."""
        own = f"${self.low:,.2f} to ${self.high:,.2f}" if self.high is not None else "an unknown sum (no forecast)"
        in_all = "in all" if self.high is not None else "without it"
        return (
            f"{self.step} on {self.pool} would take {own}; ${self.spent:,.2f} are spent, stages under way may take "
            f"${self.under_way:,.2f} more: ${self.in_all:,.2f} {in_all}, limit ${self.limit:,.2f}."
        )


def outlook(
    name: str,
    steps: Sequence[Step],
    let_through: Mapping[str, int],
    limit: float,
    since: datetime,
    now: datetime,
    prices: Prices,
) -> Outlook | None:
    """What a stage would add to the bill; None where it adds nothing: it stands, it runs already, its pool is free.

    Args:
        name: The step that is to start.
        steps: All of the run.
        let_through: Steps that were let start, with their number of runs then: until a new one has ended they count
            with their forecasts.
        limit: Dollars.
        since: When the run first began.
        now: Up to when running stages are counted.
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


def _is_under_way(step: Step, let_through: Mapping[str, int]) -> bool:
    awaits_run = step.name in let_through and step.n_runs <= let_through[step.name]
    return step.record is None and (step.n_alive > 0 or awaits_run)


def _to_come(step: Step, now: datetime, prices: Prices) -> float:
    expected = step.forecast.at(prices) if step.forecast else None
    had = [charge(prices.find(stay.pool), stay.seconds(now)) or 0.0 for stay in step.stays if stay.ended is None]
    return max(expected[1] - sum(had), 0.0) if expected else 0.0
