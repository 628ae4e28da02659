"""Two versions' scores by day: known answers, the most that a day can differ by, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from tasks.live.errors import BadForecasts, TooFewDays, UnpairedRows
from tasks.live.paired import paired_days
from tests.live.forecasts import table

ROWS = table(3, np.random.default_rng(0), n_pairs=2)


def test_scores_by_hand() -> None:
    rows = ROWS.head(2).assign(outcome=[0.01, -0.02])
    days = paired_days(rows.assign(probability=[0.6, 0.6]), rows.assign(probability=[0.5, 0.1]))
    assert days.own["accuracy"].tolist() == [0.5]
    assert days.other["accuracy"].tolist() == [0.75]
    assert days.own["brier"] == pytest.approx([1 - (0.16 + 0.36) / 2])
    assert days.other["brier"] == pytest.approx([1 - (0.25 + 0.01) / 2])
    assert days.bound["accuracy"].tolist() == [0.75]


def test_an_outcome_of_zero_tells_no_direction() -> None:
    rows = ROWS.head(2).assign(outcome=0.0)
    days = paired_days(rows.assign(probability=0.9), rows.assign(probability=0.1))
    assert days.difference("accuracy").tolist() == days.difference("brier").tolist() == [0.0]


@pytest.mark.parametrize("score", ["accuracy", "brier"])
def test_no_outcome_makes_a_day_differ_by_more_than_its_bound(score) -> None:
    rng = np.random.default_rng(1)
    own, other = table(200, rng), table(200, rng)
    days = paired_days(own, other.assign(outcome=own["outcome"]))
    assert (np.abs(days.difference(score)) <= days.bound[score] + 1e-12).all()


def test_the_order_of_rows_does_not_matter() -> None:
    other = ROWS.assign(probability=0.3)
    shuffled = paired_days(ROWS.sample(frac=1, random_state=1), other.sample(frac=1, random_state=2))
    assert (shuffled.difference("brier") == paired_days(ROWS, other).difference("brier")).all()
    assert (np.diff(shuffled.days) > np.timedelta64(0, "D")).all()


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (ROWS.drop(columns="label_until"), "the first version's forecasts lack the column 'label_until'"),
        (ROWS.head(0), "the first version has no forecasts with outcomes"),
        (ROWS.assign(probability=np.nan), "P00 on 2026-01-05 has probability = nan in the first version's forecasts"),
        (ROWS.assign(probability=1.2), "has probability = 1.2"),
        (ROWS.assign(outcome=np.nan), "has outcome = nan"),
        (ROWS.assign(label_until=pd.NaT), "has label_until = NaT"),
        (ROWS.assign(label_until=ROWS["date"]), "a label ends after its day"),
        (pd.concat([ROWS, ROWS.head(1)]), "P00 on 2026-01-05 is there twice in the first version's forecasts"),
    ],
)
def test_bad_forecasts_are_refused_by_name(own: pd.DataFrame, message: str) -> None:
    with pytest.raises(BadForecasts, match=message):
        paired_days(own, ROWS)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (ROWS.iloc[1:], "P00 on 2026-01-05 is forecast by the first version alone"),
        (
            pd.concat([ROWS, ROWS.tail(1).assign(code="P99")]),
            "P99 on 2026-01-07 is forecast by the second version alone",
        ),
        (ROWS.assign(outcome=-ROWS["outcome"]), "P00 on 2026-01-05 has another outcome"),
        (ROWS.assign(label_until=ROWS["label_until"] + pd.offsets.BDay(1)), "has another label_until"),
    ],
)
def test_rows_that_differ_are_refused_by_name(other: pd.DataFrame, message: str) -> None:
    with pytest.raises(UnpairedRows, match=message):
        paired_days(ROWS, other)


def test_fewer_days_than_the_holdout_has_are_refused() -> None:
    with pytest.raises(TooFewDays, match="3 days have outcomes of both versions, and the hold-out has holdout_days=40"):
        paired_days(ROWS, ROWS).newest(40)
