"""Machine time and dollars of a run's artifacts as rows of text."""

from collections.abc import Sequence

from tasks.common.text import DASH, Row
from tasks.costs.prices import Prices, charge
from tasks.store.records import Record


def spend(records: Sequence[Record]) -> list[Row]:
    """Machine time and dollars of each stage, and of all."""
    rows = [
        {
            "stage": record.kind,
            "artifact": record.label,
            "pool": (record.spent.pool if record.spent else None) or DASH,
            "seconds": f"{record.spent.seconds if record.spent else record.seconds:,.0f}",
            "failed attempts": _failed(record),
            "dollars": _dollars(record.spent.dollars if record.spent else None),
        }
        for record in records
    ]
    known = [record.spent.dollars if record.spent else None for record in records]
    in_all = None if None in known else sum(amount for amount in known if amount is not None)
    seconds = sum(record.spent.seconds if record.spent else record.seconds for record in records)
    total = {"stage": "all", "artifact": "", "pool": "", "seconds": f"{seconds:,.0f}", "failed attempts": ""}
    return [*rows, {**total, "dollars": _dollars(in_all)}]


def elsewhere(records: Sequence[Record], prices: Prices) -> list[Row]:
    """What the same machine time would cost at each price of the list, for pools that this release used."""
    seconds: dict[str, float] = {}
    for record in records:
        if record.spent and record.spent.pool:
            seconds[record.spent.pool] = seconds.get(record.spent.pool, 0.0) + record.spent.seconds
    return [
        {
            "pool": price.pool,
            "provider": price.provider,
            "dollars per GPU-hour": f"{price.dollars_per_gpu_hour:.2f}",
            "as of": f"{price.as_of}",
            "machine hours": f"{seconds[price.pool] / 3_600:.2f}",
            "dollars": _dollars(charge(price, seconds[price.pool])),
        }
        for price in prices.prices
        if price.pool in seconds
    ]


def _failed(record: Record) -> str:
    failed = record.spent.failed if record.spent else None
    return f"{failed.n} in {failed.seconds:,.0f} s" if failed and failed.n else ""


def _dollars(amount: float | None) -> str:
    return DASH if amount is None else f"{amount:,.2f}"
