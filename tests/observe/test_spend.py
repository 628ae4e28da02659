"""Dollars between two moments, on figures that can be checked by hand."""

from datetime import UTC, date, datetime, timedelta

from flows.observe.spend import spend_since, start_of_day
from tasks.costs.prices import Price, Prices
from tasks.costs.usage import MachineStay, start_of_month

NOW = datetime(2026, 12, 2, 6, 0, tzinfo=UTC)
H100 = Price(pool="h100", provider="made", dollars_per_gpu_hour=3, as_of=date(2026, 12, 1), source="a made price")
PRICES = Prices(provider="made", prices=(H100,))


def stay(pool: str | None, began_hours: float, hours: float | None) -> MachineStay:
    began = NOW - timedelta(hours=began_hours)
    ended = None if hours is None else began + timedelta(hours=hours)
    return MachineStay(pool, 0.0, began, ended, "live" if ended is None else "failed")


def dollars(*stays: MachineStay, since: datetime) -> dict[str, tuple[float, float | None]]:
    found = spend_since(stays, since, NOW, PRICES)
    return {spend.pool: (spend.seconds / 3_600, spend.dollars) for spend in found}


def test_a_day_and_a_month_begin_at_midnight_utc() -> None:
    assert start_of_day(NOW) == datetime(2026, 12, 2, tzinfo=UTC)
    assert start_of_month(NOW) == datetime(2026, 12, 1, tzinfo=UTC)


def test_only_the_part_within_the_time_counts() -> None:
    # It ran from 20:00 of the day before to 02:00: two hours of today, six of the month.
    night = stay("h100", 10, 6)
    assert dollars(night, since=start_of_day(NOW)) == {"h100": (2.0, 6.0)}
    assert dollars(night, since=start_of_month(NOW)) == {"h100": (6.0, 18.0)}


def test_what_still_runs_counts_up_to_now_and_what_ended_before_does_not() -> None:
    stays = stay("h100", 1, None), stay("h100", 40, 1)
    assert dollars(*stays, since=start_of_day(NOW)) == {"h100": (1.0, 3.0)}


def test_a_pool_without_a_price_or_a_name_has_time_and_no_dollars() -> None:
    assert dollars(stay("cpu", 2, 1), stay(None, 2, 1), since=start_of_day(NOW)) == {
        "cpu": (1.0, None),
        "unknown": (1.0, None),
    }
