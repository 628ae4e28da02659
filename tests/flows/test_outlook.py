"""The arithmetic of a run's limit and of its table, on stages whose figures a reader can add up."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.costs.outlook import Forecast, Outlook, StepUsage, cost_of, forecasts, outlook
from flows.costs.spend_table import EARLIER, spend_table
from tasks.costs.prices import Rental, load_prices
from tasks.costs.usage import MachineStay, Outcome, Usage
from tasks.rent.machines import Event, Machine, Terms
from tasks.store.records import Record

SINCE = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOW = SINCE + timedelta(hours=10)
PRICES = load_prices()
TWO_HOURS = Forecast(pool="h100", hours=(1.0, 2.0), dollars=(2.39, 4.78))


def stay(hour: float, hours: float, outcome: Outcome = "completed", pool: str | None = "h100") -> MachineStay:
    began = SINCE + timedelta(hours=hour)
    return MachineStay(pool, 360.0, began, None if outcome == "live" else began + timedelta(hours=hours), outcome)


def record(finished_at: datetime, dollars: float | None = None) -> Record:
    spent = Usage(
        pool="h100",
        provider="vessl",
        dollars_per_hour=2.39,
        as_of=None,
        seconds=60,
        waited_seconds=0,
        queued_seconds=0,
        failed=None,
        dollars=dollars,
    )
    return Record.model_construct(finished_at=finished_at, spent=None if dollars is None else spent)


def asked(name: str, steps: list[StepUsage], limit: float, let_through: dict[str, int] | None = None) -> Outlook | None:
    return outlook(name, steps, let_through or {}, limit, SINCE, NOW, PRICES)


def test_preflights_facts_are_read_and_priced_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"train": {"pool": "h100x8", "hours": [0.5, 1.25], "dollars": [9.56, 23.9]}}
    known = forecasts({"n_checks": 9, "forecast": told | {"merge": {"pool": "cpu", "hours": None, "dollars": None}}})
    assert known["train"].at(PRICES) == (pytest.approx(9.56), pytest.approx(23.9))
    assert known["merge"].at(PRICES) is None
    monkeypatch.setenv("HINDSIGHT_PROVIDER", "own")
    assert known["train"].at(PRICES) == (0, 0)
    assert forecasts({"n_checks": 9}) == {}


def test_a_step_costs_every_stay_since_the_run_began_and_one_it_re_attached_to_whole() -> None:
    stays = [stay(-5, 1, "failed"), stay(-1, 2), stay(2, 0.5, "failed"), stay(9, 0, "live")]
    cost = cost_of(StepUsage("train", "h100", stays=stays), SINCE, NOW, PRICES)
    assert cost.seconds == (2 + 0.5 + 1) * 3_600
    assert cost.queued_seconds == 3 * 360
    assert cost.dollars == pytest.approx(3.5 * 2.39)
    assert (cost.n_failed, cost.failed_dollars) == (1, pytest.approx(0.5 * 2.39))


def test_the_limit_holds_what_is_spent_what_is_under_way_and_the_stage_to_come() -> None:
    steps = [
        StepUsage("embed base", "h100", n_runs=1, n_alive=1, stays=[stay(9.5, 0, "live")], forecast=TWO_HOURS),
        StepUsage("merge", "h100", record=record(NOW), n_runs=2, stays=[stay(1, 1, "failed"), stay(3, 1)]),
        StepUsage("train", "h100x8", is_reached=True, forecast=Forecast(pool="h100x8", hours=(1, 2), dollars=None)),
    ]
    view = asked("train", steps, 46.0)
    # Half an hour of embedding so far, two of merging; an hour and a half of embedding may follow; 2 h of the node.
    assert view.spent == pytest.approx(2.5 * 2.39)
    assert view.under_way == pytest.approx(1.5 * 2.39)
    assert (view.low, view.high) == (pytest.approx(19.12), pytest.approx(38.24))
    assert view.in_all == pytest.approx(4 * 2.39 + 38.24)
    assert view.exceeds
    assert not asked("train", steps, 47.81).exceeds
    assert str(view) == (
        "train on h100x8 would take $19.12 to $38.24; $5.98 are spent, stages under way may take $3.58 more: $47.80 in "
        "all, limit $46.00."
    )


def test_a_stage_that_was_let_through_counts_before_its_run_is_seen_and_not_after_it_failed() -> None:
    train = StepUsage("train", "h100", forecast=TWO_HOURS)
    embed = StepUsage("embed base", "h100", n_runs=1, stays=[stay(1, 1, "failed")], forecast=TWO_HOURS)
    assert asked("train", [embed, train], 100.0).under_way == 0
    assert asked("train", [embed, train], 100.0, {"embed base": 1}).under_way == pytest.approx(4.78)
    assert asked("train", [embed, train], 100.0, {"embed base": 0}).under_way == 0


def test_a_stage_beyond_its_forecast_may_take_no_less_than_it_has() -> None:
    embed = StepUsage("embed base", "h100", n_runs=1, n_alive=1, stays=[stay(4, 0, "live")], forecast=TWO_HOURS)
    view = asked("train", [embed, StepUsage("train", "h100", forecast=TWO_HOURS)], 100.0)
    assert (view.spent, view.under_way) == (pytest.approx(6 * 2.39), 0)


def test_without_a_forecast_a_stage_starts_until_the_limit_is_reached() -> None:
    steps = [StepUsage("merge", "h100", stays=[stay(1, 1)]), StepUsage("train", "h100")]
    assert not asked("train", steps, 2.40).exceeds
    assert asked("train", steps, 2.39).exceeds
    assert str(asked("train", steps, 2.39)) == (
        "train on h100 would take an unknown sum (no forecast); $2.39 are spent, stages under way may take $0.00 more: "
        "$2.39 without it, limit $2.39."
    )


@pytest.mark.parametrize(
    "step",
    [
        StepUsage("train", "h100", record=record(NOW), forecast=TWO_HOURS),
        StepUsage("train", "h100", n_runs=1, n_alive=1, forecast=TWO_HOURS),
        StepUsage("train", "cpu", forecast=TWO_HOURS),
        StepUsage("train", "b200", forecast=TWO_HOURS),
    ],
    ids=["stands", "runs already", "costs nothing", "has no price"],
)
def test_nothing_is_asked_of_a_stage_that_adds_nothing_to_the_bill(step: StepUsage) -> None:
    assert asked("train", [step], 0.0) is None


def test_the_table_says_what_this_run_spent_beside_the_forecast_and_what_earlier_runs_paid() -> None:
    steps = [
        StepUsage("corpus", "cpu", is_reached=True, record=record(SINCE - timedelta(days=1), dollars=1.5)),
        StepUsage(
            "merge",
            "h100",
            is_reached=True,
            record=record(NOW, dollars=9.0),
            stays=[stay(-4, 2, "failed"), stay(1, 0.4, "failed"), stay(2, 1)],
            n_runs=3,
            forecast=TWO_HOURS,
        ),
        StepUsage("train", "h100", is_reached=True, n_runs=1, stays=[stay(1, 1, "failed")], forecast=TWO_HOURS),
        StepUsage("embed base", "h100", is_reached=True, n_runs=1, n_alive=1, stays=[stay(9, 0, "live")]),
        StepUsage("embed trained", "h100"),
    ]
    table = spend_table(steps, SINCE, NOW, PRICES)
    assert [row["what"] for row in table] == ["found", "built", "failed", "runs", "not reached", ""]
    assert table[0] == {
        "step": "corpus",
        "pool": "cpu",
        "what": "found",
        "forecast, h": "",
        "forecast, $": "",
        "hours": "0.000",
        "waiting, h": "0.000",
        "failed attempts": "0",
        "of failed attempts, $": "0.00",
        "dollars": "0.00",
        EARLIER: "1.50",
    }
    assert (table[1]["dollars"], table[1]["of failed attempts, $"], table[1][EARLIER]) == ("3.35", "0.96", "4.78")
    assert (table[1]["forecast, h"], table[1]["forecast, $"]) == ("1 to 2", "2.39 to 4.78")
    assert table[-1] == {
        "step": "this run",
        "pool": "",
        "what": "",
        "forecast, h": "2 to 4",
        "forecast, $": "4.78 to 9.56",
        "hours": "3.400",
        "waiting, h": "0.400",
        "failed attempts": "2",
        "of failed attempts, $": "3.35",
        "dollars": "8.13",
        EARLIER: "6.28",
    }


def test_a_price_that_nobody_knows_leaves_the_sum_unknown() -> None:
    steps = [
        StepUsage("merge", "b200", stays=[stay(1, 1, pool="b200")]),
        StepUsage("train", "h100", stays=[stay(1, 1)]),
    ]
    assert [row["dollars"] for row in spend_table(steps, SINCE, NOW, PRICES)] == ["unknown", "2.39", "unknown"]
    before_schema_3 = StepUsage("corpus", "cpu", is_reached=True, record=record(SINCE - timedelta(days=1)))
    assert spend_table([before_schema_3], SINCE, NOW, PRICES)[0][EARLIER] == "unknown"


@pytest.mark.parametrize("high", [float("nan"), None])
def test_a_sum_that_is_not_a_number_exceeds_every_limit(high: float | None) -> None:
    spent = 0.0 if high is not None else float("nan")
    view = Outlook("train", "h100", spent=spent, under_way=0.0, low=high, high=high, limit=1e6)
    assert view.exceeds


def test_a_rented_machines_row_has_its_whole_bill_and_what_was_lost_on_it_and_the_sum_leaves_it_out() -> None:
    terms = Terms(
        provider="vessl", pool="h100", offer="a", dollars_per_hour=2.5, ends_at=NOW, idle_minutes=1, run="a run"
    )
    fields = {"machine": "hs-1", "previous": None, "by": "ada", "why": "a test"}
    rent = Event(number=1, action="rent", at=SINCE, terms=terms, **fields)
    stopped = Event(number=2, action="stopped", at=SINCE + timedelta(hours=4), lost=("train/a/b",), **fields)
    machine = Machine("hs-1", terms, (rent, stopped))
    row, total = spend_table([], SINCE, NOW, PRICES, [machine])
    assert (row["step"], row["what"], row["hours"]) == ("machine hs-1 of vessl", "LOST: train/a/b", "4.000")
    assert (row["dollars"], total["step"], total["dollars"]) == ("10.00", "this run", "0.00")


def test_a_step_on_a_rented_machine_costs_what_the_machines_offer_did() -> None:
    rental = Rental("h100", "vessl", "hs-1", 1.5, SINCE + timedelta(hours=2), SINCE + timedelta(hours=6))
    step = StepUsage("train", "h100", stays=[stay(1, 0.5, "failed"), stay(3, 2)])
    cost = cost_of(step, SINCE, NOW, PRICES.with_rentals([rental]))
    assert cost.dollars == pytest.approx(0.5 * 2.39 + 2 * 1.5)
    assert cost.failed_dollars == pytest.approx(0.5 * 2.39)
