"""What an artifact took: its attempt's time on a pool's machine, the failed attempts before it, and both in dollars."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen
from tasks.costs.hardware import POOL_VARIABLE, current_pool
from tasks.costs.prices import BadPrices, Price, Prices, add_known, charge, load_prices

Outcome = Literal["completed", "failed", "live"]


@dataclass(frozen=True)
class MachineStay:
    """One time that one run had a machine.

    Args:
        pool: Whose machine; None where nobody knows.
        queued_seconds: From when it was due until it had the machine, which costs nothing.
        began: When it had the machine.
        ended: When it gave it back; None while it has it.
        outcome: How it ended. Whatever did not complete has failed: crashed, cancelled, timed out.
    """

    pool: str | None
    queued_seconds: float
    began: datetime
    ended: datetime | None
    outcome: Outcome

    def seconds(self, now: datetime) -> float:
        """On the machine, up to now where it is there still."""
        return max(((self.ended or now) - self.began).total_seconds(), 0.0)


class FailedAttempts(Frozen):
    """Earlier attempts that left no artifact."""

    n: int = Field(0, ge=0)
    seconds: float = Field(0, ge=0)
    """On machines of their pools."""
    queued_seconds: float = Field(0, ge=0)
    dollars: float | None = Field(0, ge=0)
    """At their pools' prices of today; null where one of them has none."""


class Usage(Frozen):
    """What an artifact took until its record was written. What nobody knows is null, and `unknown` says why."""

    pool: str | None
    """Whose machine made it."""
    provider: str | None
    """Whose price it is."""
    dollars_per_hour: float | None = Field(ge=0)
    """Of the pool's machine, all its GPUs."""
    as_of: date | None
    """The day of that price."""
    seconds: float = Field(ge=0)
    """This attempt's on its machine: waiting for another builder, fetching, making, publishing."""
    waited_seconds: float = Field(ge=0)
    """Of them, how long another builder of the same artifact was waited for."""
    queued_seconds: float = Field(ge=0)
    """Before it had a machine, which costs nothing."""
    failed: FailedAttempts | None
    """Null where no server tells of earlier attempts."""
    dollars: float | None = Field(ge=0)
    """In all, failed attempts included."""
    unknown: str = ""

    def __str__(self) -> str:
        """As in `120 s, 40 s of failed attempts besides, $0.11`."""
        failed = f", {self.failed.seconds:.0f} s of failed attempts besides" if self.failed and self.failed.n else ""
        price = "dollars unknown" if self.dollars is None else f"${self.dollars:.2f}"
        return f"{self.seconds:.0f} s{failed}, {price}"


@dataclass(frozen=True)
class Meter:
    """Runs from when an attempt has its machine.

    Args:
        started: `time.monotonic()` then.
        queued_seconds: Before that.
        waited_seconds: After that, for another builder of the same artifact.
        failed: Earlier attempts; None where nobody knows of them.
    """

    started: float = field(default_factory=time.monotonic)
    queued_seconds: float = 0.0
    waited_seconds: float = 0.0
    failed: Sequence[MachineStay] | None = None

    def read(self) -> Usage:
        """What has been spent up to now. A price list that cannot be read ends no work: it leaves dollars unknown."""
        try:
            prices = load_prices()
        except BadPrices as error:
            return self._priced(None, None, str(error))
        pool = current_pool()
        if pool is None:
            return self._priced(None, prices, f"{POOL_VARIABLE} names no pool: what this machine costs is not known.")
        price = prices.find(pool)
        return self._priced(price, prices, "" if price else f"pool {pool} has no price at {prices.current_provider}.")

    def _priced(self, price: Price | None, prices: Prices | None, unknown: str) -> Usage:
        seconds = round(time.monotonic() - self.started, 3)
        failed = None if self.failed is None else sum_failed(self.failed, prices)
        if not unknown and failed and failed.dollars is None:
            unknown = "an earlier attempt ran on a pool without a price."
        own = charge(price, seconds)
        earlier = failed.dollars if failed else 0.0
        return Usage(
            pool=current_pool(),
            provider=price.provider if price else None,
            dollars_per_hour=price.dollars_per_hour if price else None,
            as_of=price.as_of if price else None,
            seconds=seconds,
            waited_seconds=round(self.waited_seconds, 3),
            queued_seconds=round(self.queued_seconds, 3),
            failed=failed,
            dollars=None if own is None or earlier is None else round(own + earlier, 6),
            unknown=unknown,
        )


def sum_failed(stays: Iterable[MachineStay], prices: Prices | None) -> FailedAttempts:
    """Add up attempts that have ended."""
    ended = [stay for stay in stays if stay.ended is not None]
    seconds = [stay.seconds(stay.began) for stay in ended]
    prices_of = [prices.find(stay.pool) if prices else None for stay in ended]
    dollars = add_known(charge(price, took) for price, took in zip(prices_of, seconds, strict=True))
    return FailedAttempts(
        n=len(ended),
        seconds=round(sum(seconds), 3),
        queued_seconds=round(sum(stay.queued_seconds for stay in ended), 3),
        dollars=None if dollars is None else round(dollars, 6),
    )


def failed_since_success(stays: Iterable[MachineStay]) -> list[MachineStay]:
    """The failed attempts after the last that completed: those before it stand in the record which that one wrote."""
    ended = sorted((stay for stay in stays if stay.ended is not None), key=lambda stay: stay.began)
    completed = [place for place, stay in enumerate(ended) if stay.outcome == "completed"]
    return ended[completed[-1] + 1 :] if completed else ended


_METER: ContextVar[Meter | None] = ContextVar("hindsight_meter", default=None)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Everything that is built inside, in this thread, is billed by this meter."""
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)


def current_meter() -> Meter:
    """The meter this work is billed by; outside of a metered run one that starts now."""
    return _METER.get() or Meter()
