"""The plan of a month, and what its traces come to, on numbers that a reader can check."""

from pathlib import Path

import pytest

from tests.month.findings import Cost, Outcome
from tests.month.plan import Month
from tests.month.traces import Attempt, attempts_of, lost_seconds, trace


def test_a_month_is_what_was_asked_for_and_its_faults_lie_within_it() -> None:
    month = Month()
    assert (month.n_slots * month.n_schedules, month.n_trainings, month.hours) == (3_000, 40, 720)
    assert (month.n_units, max(month.training_hours_due()) < month.hours) == (15, True)
    faults = month.faults()
    assert [fault.hour for fault in faults] == sorted(fault.hour for fault in faults)
    assert all(0 <= fault.hour < month.hours and fault.machine < month.n_machines for fault in faults)
    kinds = [fault.kind for fault in faults]
    # 15 % of 4 machines a day in 30 days are 18; three standard deviations are 12.7.
    assert 6 <= kinds.count("interruption") <= 30
    assert kinds.count("store outage") == 2
    assert {"server restart", "full disk", "machine lost"} <= set(kinds)
    assert faults == Month().faults()


def test_traces_of_two_processes_become_two_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.jsonl"
    assert attempts_of(file) == []
    for process, lines in ((7, ("started", "unit")), (8, ("started", "published"))):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        for what in lines:
            trace(file, what, unit=0)
    first, second = attempts_of(file)
    assert (first.process, sorted(first.unit_ends), first.published) == (7, [0], None)
    assert second.published is not None
    assert first.end({7: 12.0}) == 12.0
    assert first.end({}) is None


@pytest.mark.parametrize(
    ("first_of_next", "lost"),
    [(3, 5.0), (2, 15.0), (1, 25.0), (0, 35.0)],
    ids=["newest state", "one before", "its own start", "a state of the attempt before"],
)
def test_what_is_lost_is_the_time_since_the_state_that_the_next_attempt_went_on_from(
    first_of_next: int, lost: float
) -> None:
    """Units of 10 s: begun at 100 with unit 1, units 1 and 2 done at 110 and 120, killed at 125."""
    killed = Attempt(process=1, began=100.0, first=1, unit_ends={1: 110.0, 2: 120.0})
    following = Attempt(process=2, began=200.0, first=first_of_next)
    assert lost_seconds(killed, 125.0, following, unit_seconds=10.0) == lost


def outcome(**more: object) -> Outcome:
    """Two trainings of 1,000 s, one of which was killed 50 s after its last state."""
    lists = {name: [] for name in ("missing", "twice", "unexplained", "held", "failed")}
    counts = {"n_flows": 1, "n_trainings": 2, "n_attempts": 3, "n_killed": 1, "n_failed": 0, "n_resumed": 1}
    seconds = {"ideal_seconds": 2_000.0, "lost_seconds": 50.0, "unnoticed_seconds": 90.0, "billed_seconds": 2_160.0}
    cost = Cost(**{**seconds, "billed_dollars": 2_160 * 2.39 / 3_600, **more.pop("cost", {})})
    return Outcome(**{**lists, **counts, "n_asked_again": 0, "cost": cost, **more})


def test_what_a_month_came_to_holds_every_law_or_names_those_it_breaks() -> None:
    assert outcome().broken_laws() == []
    assert outcome().cost.overhead == pytest.approx(20 / 2_050)
    for name in ("missing", "twice", "unexplained", "held", "failed"):
        assert outcome(**{name: ["training-1"]}).broken_laws() == [f"{name}: training-1"]
    assert len(outcome(n_attempts=4).broken_laws()) == 1


@pytest.mark.parametrize(
    "cost",
    [{"billed_seconds": 2_300.0}, {"billed_seconds": 2_100.0}, {"lost_seconds": float("nan")}, {"billed_dollars": 1.0}],
    ids=["too much", "less than was worked", "not a number", "another price"],
)
def test_a_bill_that_is_not_what_was_worked_breaks_a_law(cost: dict[str, float]) -> None:
    assert outcome(cost=cost).broken_laws() != []
