"""Machine time and dollars of an artifact: of its own attempt on a pool's machine, and of failed attempts before it."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen
from tasks.costs.hardware import POOL_VARIABLE, current_pool
from tasks.costs.prices import BadPrices, Price, Prices, add_known, charge, load_prices

Outcome = Literal["completed", "failed", "live"]


@dataclass(frozen=True)
class MachineStay:
    """One period in which a run had a machine.

    Args:
        pool: The machine's pool; None if unknown.
        queued_seconds: From when the run was due until it had the machine, which costs nothing.
        began: When it got the machine.
        ended: When it gave the machine back; None while it has it.
        outcome: How it ended. Everything that did not complete has failed: crashed, cancelled, timed out.
    """

    pool: str | None
    queued_seconds: float
    began: datetime
    ended: datetime | None
    outcome: Outcome

    def seconds(self, now: datetime) -> float:
        """On the machine, up to now if it still has it."""
        return max(((self.ended or now) - self.began).total_seconds(), 0.0)

    def seconds_since(self, since: datetime, now: datetime) -> float:
        """Of them, those after a moment."""
        return max((min(self.ended or now, now) - max(self.began, since)).total_seconds(), 0.0)


def start_of_month(now: datetime) -> datetime:
    """When the month of a moment began, in the moment's time zone."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


class FailedAttempts(Frozen):
    """Earlier attempts that left no artifact."""

    n: int = Field(0, ge=0)
    seconds: float = Field(0, ge=0)
    """On machines of their pools."""
    queued_seconds: float = Field(0, ge=0)
    dollars: float | None = Field(0, ge=0)
    """At their pools' present prices, on rented machines at theirs; null if one of them has none."""


class Usage(Frozen):
    """Machine time and dollars until an artifact's record was written. Unknown values are null; `unknown` says why."""

    pool: str | None
    """Of the machine that made it."""
    provider: str | None
    """Of the price."""
    dollars_per_hour: float | None = Field(ge=0)
    """Of the pool's machine, all its GPUs."""
    as_of: date | None
    """Day of the price."""
    seconds: float = Field(ge=0)
    """This attempt's on its machine: waiting for another builder, fetching, making, publishing."""
    waited_seconds: float = Field(ge=0)
    """Of them, waiting for another builder of the same artifact."""
    queued_seconds: float = Field(ge=0)
    """Before it had a machine, which costs nothing."""
    failed: FailedAttempts | None
    """Null if no server knows of earlier attempts."""
    dollars: float | None = Field(ge=0)
    """In all, failed attempts included."""
    unknown: str = ""

    def __str__(self) -> str:
        """As in `120 s and 40 s of failed attempts, $0.11`."""
        failed = f" and {self.failed.seconds:.0f} s of failed attempts" if self.failed and self.failed.n else ""
        price = "dollars unknown" if self.dollars is None else f"${self.dollars:.2f}"
        return f"{self.seconds:.0f} s{failed}, {price}"


@dataclass(frozen=True)
class Meter:
    """Measures an attempt from when it has its machine.

    Args:
        started: `time.monotonic()` then.
        queued_seconds: Before that.
        waited_seconds: After that, for another builder of the same artifact.
        failed: Earlier attempts; None if unknown.
        read_prices: The price list when the attempt ends.
    """

    started: float = field(default_factory=time.monotonic)
    queued_seconds: float = 0.0
    waited_seconds: float = 0.0
    failed: Sequence[MachineStay] | None = None
    read_prices: Callable[[], Prices] = load_prices

    def read(self) -> Usage:
        """The usage up to now. An unreadable price list does not end the work: it leaves dollars unknown."""
        pool = current_pool()
        try:
            prices = self.read_prices()
        except BadPrices as error:
            return self._usage(pool, None, None, str(error))
        if pool is None:
            return self._usage(None, None, prices, f"{POOL_VARIABLE} is not set: this machine's price is unknown.")
        price = prices.find(pool, datetime.now(UTC))
        unknown = "" if price else f"pool {pool} has no price at {prices.current_provider}."
        return self._usage(pool, price, prices, unknown)

    def _usage(self, pool: str | None, price: Price | None, prices: Prices | None, unknown: str) -> Usage:
        seconds = round(time.monotonic() - self.started, 3)
        failed = None if self.failed is None else sum_failed(self.failed, prices)
        if not unknown and failed and failed.dollars is None:
            unknown = "an earlier attempt ran on a pool without a price."
        dollars = add_known([charge(price, seconds), failed.dollars if failed else 0.0])
        return Usage(
            pool=pool,
            provider=price.provider if price else None,
            dollars_per_hour=price.dollars_per_hour if price else None,
            as_of=price.as_of if price else None,
            seconds=seconds,
            waited_seconds=round(self.waited_seconds, 3),
            queued_seconds=round(self.queued_seconds, 3),
            failed=failed,
            dollars=None if dollars is None else round(dollars, 6),
            unknown=unknown,
        )


def sum_failed(stays: Iterable[MachineStay], prices: Prices | None) -> FailedAttempts:
    """Add up attempts that have ended."""
    ended = [stay for stay in stays if stay.ended is not None]
    seconds = [stay.seconds(stay.began) for stay in ended]
    prices_of = [prices.find(stay.pool, stay.began) if prices else None for stay in ended]
    dollars = add_known(charge(price, each) for price, each in zip(prices_of, seconds, strict=True))
    return FailedAttempts(
        n=len(ended),
        seconds=round(sum(seconds), 3),
        queued_seconds=round(sum(stay.queued_seconds for stay in ended), 3),
        dollars=None if dollars is None else round(dollars, 6),
    )


def failed_since_success(stays: Iterable[MachineStay]) -> list[MachineStay]:
    """The failed attempts after the last completed one: that one's record contains the earlier ones."""
    ended = sorted((stay for stay in stays if stay.ended is not None), key=lambda stay: stay.began)
    completed = [index for index, stay in enumerate(ended) if stay.outcome == "completed"]
    return ended[completed[-1] + 1 :] if completed else ended


_METER: ContextVar[Meter | None] = ContextVar("hindsight_meter", default=None)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Everything that is built inside, in this thread, is measured by this meter."""
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)


def current_meter() -> Meter:
    """The meter of this work; outside of `metered` one that starts now."""
    return _METER.get() or Meter()
