"""Dollars of today and of this month by pool, from the times that runs had machines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tasks.costs.prices import Prices, charge
from tasks.costs.usage import MachineStay


@dataclass(frozen=True)
class PoolSpend:
    """What one pool's machines were used and cost since a moment.

    Args:
        pool: `unknown` where a run names none.
        seconds: On its machines.
        dollars: At today's prices; None without a price.
    """

    pool: str
    seconds: float
    dollars: float | None


def start_of_day(now: datetime) -> datetime:
    """When the day of a moment began, in the moment's time zone."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def spend_since(stays: Iterable[MachineStay], since: datetime, now: datetime, prices: Prices) -> list[PoolSpend]:
    """Add up what lies between two moments; a stay that is older counts from the first one on.

    Args:
        stays: On any machines.
        since: The first moment.
        now: The second.
        prices: Dollars.
    """
    seconds_of: dict[str, float] = {}
    for stay in stays:
        seconds = stay.seconds_since(since, now)
        if seconds > 0:
            pool = stay.pool or "unknown"
            seconds_of[pool] = seconds_of.get(pool, 0.0) + seconds
    return [
        PoolSpend(pool, seconds, charge(prices.find(pool), seconds)) for pool, seconds in sorted(seconds_of.items())
    ]
