"""Half a simulated day on real servers and workers: nothing lost, nothing made twice, every slot free."""

from pathlib import Path

import pytest

from tests.month.month import run_month
from tests.month.plan import Month


def test_a_month_is_spread_evenly_and_its_events_lie_within_it() -> None:
    month = Month()
    assert (len(month.flow_hours_due()), len(month.training_hours_due())) == (3_000, 40)
    assert max(*month.flow_hours_due(), *month.training_hours_due()) < month.hours == 720
    hours, kinds = zip(*month.events(), strict=True)
    assert list(hours) == sorted(hours)
    assert hours[0] >= 0
    assert hours[-1] < month.hours
    counted = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counted.pop("interruption") in range(20, 55)
    assert counted == {"store outage": 2, "server restart": 1, "full disk": 1}
    assert month.events() == Month().events()


@pytest.mark.server
@pytest.mark.slow
def test_half_a_day_loses_nothing_and_makes_nothing_twice(tmp_path: Path) -> None:
    month = Month(
        n_days=0.5,
        hour_seconds=15,
        flows_per_day=40,
        n_trainings=3,
        training_hours=2.5,
        states_per_training=10,
        interruptions_per_hour=0.25,
        outage_hours=0.5,
    )
    outcome, events = run_month(month, tmp_path)
    assert (outcome.lost, outcome.twice, outcome.held) == ([], [], [])
    assert {event["kind"] for event in events} == {"interruption", "store outage", "server restart", "full disk"}
    own = outcome.trainings
    assert own.n_attempts == 3 + own.n_interrupted
    # Every second that is billed beyond the work and what was lost is a start, a publication, or a wait for a server.
    assert own.billed_seconds >= own.ideal_seconds + own.lost_seconds
