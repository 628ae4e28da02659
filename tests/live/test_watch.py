"""The watch after a swap: incremental and anew alike, how often it errs, and what is refused."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from tasks.live.bets import all_bets
from tasks.live.config import WatchConfig
from tasks.live.errors import BadDays
from tasks.live.paired import PairedDays, paired_days
from tasks.live.power import days_to_detect
from tasks.live.watch import WatchState, start_watch
from tests.live.forecasts import days_of, right_in, table

RNG = np.random.default_rng(0)
ROWS = table(200, RNG)
LOSS = paired_days(right_in(ROWS, 0.9, RNG), right_in(ROWS, 0.4, RNG))
SINCE = date(2026, 1, 5)
AT = datetime(2026, 12, 1, tzinfo=UTC)


def started(since: date = SINCE, horizon_days: int = 5) -> WatchState:
    return start_watch("v2", "v1", since, WatchConfig(horizon_days=horizon_days))


def test_a_loss_is_rolled_back_and_a_gain_is_not() -> None:
    loss, gain = (started().after(days).record("fx", AT) for days in (LOSS, LOSS.swapped()))
    assert (loss.verdict, gain.verdict) == ("roll back", "watching")
    assert loss.sentence.startswith("Roll back: accuracy of v1 less v2 +0.")
    assert loss.boundary == 20
    assert loss.interval is None
    assert gain.evidence < 1


@pytest.mark.parametrize("step", [1, 3, 50])
def test_days_counted_as_they_come_give_the_same_as_all_at_once(step: int) -> None:
    state = started()
    for first in range(0, len(LOSS), step):
        state = WatchState.model_validate_json(state.model_dump_json()).after(LOSS.where(slice(first, first + step)))
    assert state == started().after(LOSS)


def test_the_interval_leaves_the_margin_when_the_watch_crosses() -> None:
    crossed = started().after(LOSS)
    n_days = 1 + int((LOSS.days < np.datetime64(crossed.crossed_on)).sum())
    lows = []
    for n in (n_days - 1, n_days):
        counted = LOSS.where(slice(0, n))
        interval = started().after(counted).record("fx", AT, counted).interval
        assert interval is not None
        lows.append(interval[0])
    assert lows[0] <= 0 < lows[1]


def test_a_crossing_stays_though_later_days_speak_against_it() -> None:
    crossed = started().after(LOSS.where(slice(0, 100)))
    assert crossed.crossed_on
    assert crossed.after(LOSS.swapped().where(slice(100, 200))).crossed_on == crossed.crossed_on


def test_corrected_outcomes_are_counted_by_counting_all_days_anew() -> None:
    corrected = ROWS.assign(outcome=np.where(ROWS.index < 40, -ROWS["outcome"], ROWS["outcome"]))
    rng = np.random.default_rng(2)
    days = paired_days(right_in(corrected, 0.9, rng), right_in(corrected, 0.4, rng))
    assert (
        started().after(LOSS)
        != started().after(days)
        == started().after(days.where(slice(0, 9))).after(days.where(slice(9, 200)))
    )


def test_days_that_were_counted_or_lie_before_the_swap_are_refused() -> None:
    state = started().after(LOSS.where(slice(0, 10)))
    with pytest.raises(BadDays, match="day 2026-01-16 is given as new, and 2026-01-16 has been counted"):
        state.after(LOSS.where(slice(9, 12)))
    with pytest.raises(BadDays, match="day 2026-01-05 lies before the swap on 2026-02-02"):
        started(date(2026, 2, 2)).after(LOSS)


def test_no_day_leaves_the_watch_as_it_is() -> None:
    assert started().after(LOSS.where(slice(0, 0))) == started()
    assert started().record("fx", AT).sentence == "Watching v2 beside v1: no live outcome yet."


def test_a_swap_settles_after_enough_days_unless_it_crossed() -> None:
    assert [started().after(LOSS.swapped().where(slice(0, n))).is_settled for n in (119, 120)] == [False, True]
    assert not started().after(LOSS).is_settled


def coin(rng: np.random.Generator, mean: float = 0.0, n_days: int = 150) -> PairedDays:
    return days_of((mean + rng.normal(0, 0.15, n_days)).clip(-0.5, 0.5), 0.5)


def test_swaps_without_a_loss_are_undone_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(3)
    assert np.mean([started(horizon_days=1).after(coin(rng)).crossed_on is not None for _ in range(30)]) <= 0.1


def test_a_loss_is_found_within_the_predicted_number_of_days() -> None:
    rng = np.random.default_rng(4)
    predicted = days_to_detect(0.08, all_bets(coin(rng), "accuracy")[0], 0.0, 0.05, 1, 51)
    assert predicted is not None
    assert predicted.n_rows == 51 * predicted.n_days
    found = [started(horizon_days=1).after(coin(rng, 0.08, predicted.n_days)).crossed_on is not None for _ in range(40)]
    assert 0.6 <= np.mean(found) <= 0.97


def test_nothing_is_predicted_for_a_loss_within_the_margin() -> None:
    bets = all_bets(coin(np.random.default_rng(5)), "accuracy")[0]
    assert days_to_detect(0.01, bets, 0.02, 0.05, 1, 51) is None
