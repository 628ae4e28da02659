"""Outcomes at a moment: late and corrected rows, rows from the future, and what each rule counts."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.live.errors import BadOutcomes, ClockSkew
from tasks.live.outcomes import known_outcomes, outcomes_of_prices
from tasks.live.outcomes_config import OutcomesAt, OutcomesConfig, PriceOutcomes, TableOutcomes
from tasks.live.outcomes_table import check_clock, read_outcomes

DAYS = pd.bdate_range("2026-01-05", periods=20)
HORIZON = 5
AT = datetime(2026, 2, 2, tzinfo=UTC)


ONE = ("EURUSD",)


def panel(pairs: tuple[str, ...] = ("EURUSD", "USDJPY")) -> pd.DataFrame:
    """Pairs on twenty weekdays, with labels of five weekdays."""
    rows = pd.DataFrame(
        {
            "code": np.repeat(["EURUSD", "USDJPY"], len(DAYS)),
            "date": [*DAYS, *DAYS],
            "label_until": [*(DAYS + pd.offsets.BDay(HORIZON)), *(DAYS + pd.offsets.BDay(HORIZON))],
            "ret_5d": 0.5,
            "target": 0.25,
        }
    )
    return rows[rows["code"].isin(pairs)].reset_index(drop=True)


def row(number: int = 0, code: str = "EURUSD", outcome: float = 0.1, after: str = "6h", **changes: object) -> dict:
    """An outcome that is known some time after its label's last day began."""
    known = (DAYS[number] + pd.offsets.BDay(HORIZON) + pd.Timedelta(after)).tz_localize("UTC")
    plain = {
        "code": code,
        "date": DAYS[number],
        "horizon": HORIZON,
        "outcome": outcome,
        "known_at": known,
        "revision": 0,
    }
    return plain | changes


def at(
    folder: Path,
    rows: list[dict],
    moment: datetime = AT,
    new_from: date = date(2026, 1, 1),
    pairs: tuple[str, ...] = ("EURUSD", "USDJPY"),
    **more: object,
):
    pd.DataFrame(rows).to_parquet(folder / "table.parquet")
    source = TableOutcomes(path=str(folder / "table.parquet"))
    config = OutcomesAt(source=source, at=moment, new_from=new_from, **more)
    return known_outcomes(panel(pairs), config, read_outcomes(source))


def test_a_row_known_later_than_the_moment_does_not_count_and_a_minute_later_it_does(tmp_path: Path) -> None:
    first, second = row(0), row(1)
    until = second["known_at"].to_pydatetime()
    before, counts = at(tmp_path, [first, second], until - timedelta(minutes=1), pairs=ONE)
    assert (len(before), counts.n_unknown_yet, counts.n_new) == (1, 1, 1)
    after, counts = at(tmp_path, [first, second], until, pairs=ONE)
    assert (len(after), counts.n_unknown_yet, counts.n_new) == (2, 0, 2)


@settings(max_examples=12)
@given(st.permutations(range(4)), st.integers(0, 3))
def test_what_is_appended_later_changes_nothing_that_was_known_before(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], n_first: int
) -> None:
    rows = [row(number, outcome=float(number)) for number in range(4)]
    rows[3] = row(0, outcome=9.0, after="30h", revision=1)
    moment = rows[n_first]["known_at"].to_pydatetime()
    known = [own for own in rows if own["known_at"] <= pd.Timestamp(moment)]
    folder = tmp_path_factory.mktemp("table")
    whole, _ = at(folder, [rows[place] for place in order], moment, pairs=ONE)
    alone, _ = at(folder, known, moment, pairs=ONE)
    pd.testing.assert_frame_equal(whole, alone)


def test_a_correction_holds_from_when_it_is_known_and_is_counted_once(tmp_path: Path) -> None:
    rows = [row(outcome=0.1), row(outcome=-0.2, after="30h", revision=1), row(outcome=0.3, after="50h", revision=2)]
    found, counts = at(tmp_path, rows, rows[1]["known_at"].to_pydatetime(), pairs=ONE)
    assert found["target"].tolist() == [-0.2]
    assert (counts.n_corrected, counts.n_repeated, counts.n_unknown_yet) == (1, 0, 1)
    assert at(tmp_path, rows)[0]["target"].tolist() == [0.3]


def test_rows_are_late_by_their_first_revision_and_repeated_by_their_value(tmp_path: Path) -> None:
    rows = [row(0), row(0, after="90h"), row(1, after="49h"), row(2), row(2, outcome=1.0, after="90h", revision=1)]
    _, counts = at(tmp_path, rows)
    assert (counts.n_rows, counts.n_outcomes, counts.n_repeated) == (5, 3, 1)
    assert (counts.n_late, counts.n_corrected) == (1, 1)


def test_rows_of_another_horizon_without_features_or_known_before_their_label_ends_are_counted_apart(
    tmp_path: Path,
) -> None:
    rows = [row(0), row(1, horizon=2), row(2, code="GBPUSD"), row(3, after="-1min")]
    found, counts = at(tmp_path, rows)
    assert found["date"].tolist() == [DAYS[0]]
    assert (counts.n_other_horizon, counts.n_without_features, counts.n_too_early) == (1, 1, 1)
    assert counts.n_rows_without_outcome == 39


def test_outcomes_older_than_the_trainings_holdout_are_replayed_and_never_new(tmp_path: Path) -> None:
    new_from = DAYS[10].date()
    found, counts = at(tmp_path, [row(2, outcome=0.7), row(12, outcome=0.9)], new_from=new_from)
    assert (counts.n_new, counts.n_older, counts.n_from_prices) == (1, 20, 19)
    values = found.set_index(["code", "date"])["target"]
    assert (values["EURUSD", DAYS[2]], values["EURUSD", DAYS[3]], values["EURUSD", DAYS[12]]) == (0.7, 0.25, 0.9)
    assert ("USDJPY", DAYS[12]) not in values


def test_a_table_that_ends_before_the_hold_out_is_refused_by_name_once_the_first_outcome_of_it_is_late(
    tmp_path: Path,
) -> None:
    rows, new_from = [row(2), row(3), row(4, horizon=2)], DAYS[5].date()
    # The label of Monday the 12th ends on the 19th; two days later its outcome is late.
    due = datetime(2026, 1, 21, tzinfo=UTC)
    on_time = at(tmp_path, rows, due, new_from=new_from)[1]
    assert (on_time.n_new, on_time.n_older) == (0, 10)
    message = (
        r"outcomes .*table\.parquet end before forex v3 could be judged by them: the newest of 2 that the panel has "
        r"rows for is of EURUSD on 2026-01-08, and the hold-out of that version's training begins on 2026-01-12, with "
        r"a first outcome due on 2026-01-19\. Left out: n_other_horizon 1; the panel ends on 2026-01-30\. Append"
    )
    with pytest.raises(BadOutcomes, match=message):
        at(tmp_path, rows, due + timedelta(minutes=1), new_from=new_from, trained="forex v3")
    # One outcome of the hold-out, and the older ones are only counted, however late or corrected.
    late = at(tmp_path, [*rows, row(2, outcome=0.3, after="99h", revision=1), row(5)], due + timedelta(days=9),
              new_from=new_from)[1]  # fmt: skip
    assert (late.n_new, late.n_older, late.n_corrected) == (1, 10, 1)


def test_prices_that_end_before_the_hold_out_are_refused_too_and_not_before_its_first_label_has_ended() -> None:
    new_from, ended = date(2026, 2, 16), panel()
    # Monday the 16th, a label of at most seven days, and two days until it is late.
    config = OutcomesAt(source=PriceOutcomes(), at=datetime(2026, 2, 25, tzinfo=UTC), new_from=new_from)
    assert known_outcomes(ended, config)[1].n_new == 0
    later = config.model_copy(update={"at": config.at + timedelta(minutes=1)})
    with pytest.raises(BadOutcomes, match=r"outcomes of the panel's prices end before the version in production .* on "
                       r"2026-01-30, .* begins on 2026-02-16, with a first outcome due on 2026-02-23"):  # fmt: skip
        known_outcomes(ended, later)


def test_new_are_those_that_became_known_since_the_last_update_corrections_among_them(tmp_path: Path) -> None:
    rows = [row(0), row(1), row(0, outcome=0.5, after="200h", revision=1), row(4)]
    _, counts = at(tmp_path, rows, counted_until=rows[1]["known_at"].to_pydatetime(), pairs=ONE)
    assert (counts.n_outcomes, counts.n_new) == (3, 2)


def test_prices_give_each_target_once_they_are_published(tmp_path: Path) -> None:
    config = OutcomesAt(source=PriceOutcomes(), at=datetime(2026, 1, 13, tzinfo=UTC), new_from=date(2026, 1, 1))
    found, counts = known_outcomes(panel(), config)
    # The label of Monday the 5th ends on the 12th, whose prices are published by the 13th.
    assert found["date"].unique().tolist() == [DAYS[0]]
    assert (counts.n_new, counts.n_rows_without_outcome) == (2, 38)


def test_a_folder_of_csv_and_parquet_is_one_table(tmp_path: Path) -> None:
    pd.DataFrame([row(0)]).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame([row(1, code="NA")]).to_csv(tmp_path / "b.csv", index=False)
    (tmp_path / "notes.txt").write_text("not a table")
    found = read_outcomes(TableOutcomes(path=str(tmp_path)))
    assert found["code"].tolist() == ["EURUSD", "NA"]
    assert str(found["known_at"].dt.tz) == "UTC"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcome": float("nan")}, "row 1 of outcomes .* has outcome = nan"),
        ({"outcome": float("inf")}, "has outcome = inf"),
        ({"known_at": pd.Timestamp("2026-01-20")}, "has known_at = .*as 2026-11-30T16:00:00Z"),
        ({"code": None}, "has code = None"),
        ({"date": None}, "has date = "),
        ({"date": 20260105}, "has date = 20260105, .*a date is a day, as 2026-11-30"),
        ({"date": DAYS[0] + pd.Timedelta("16h")}, "has date = 2026-01-05 16:00"),
        ({"date": DAYS[0].tz_localize("UTC")}, r"date of outcomes .* is of type datetime64\[.*UTC\], with a time zone"),
        ({"revision": 0.5}, "has revision = 0.5"),
        ({"date": "05/01/2026"}, "has date = 05/01/2026, .*a date is a day, as 2026-11-30"),
        ({"revision": -1}, "has revision = -1"),
        ({"revision": 1e30}, "has revision = 1e[+]30, .*whole numbers from 0 to 1,000,000"),
        ({"horizon": 5.9}, "has horizon = 5.9"),
    ],
)
def test_a_cell_that_is_none_is_refused_with_its_row(change: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadOutcomes, match=message):
        at(tmp_path, [row() | change])


def test_two_values_under_one_revision_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOutcomes, match="EURUSD on 2026-01-05 is there 2 times with revision 0 and different values"):
        at(tmp_path, [row(outcome=0.1), row(outcome=0.2, after="8h")])


def test_a_table_without_a_row_of_the_panel_or_without_a_column_or_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOutcomes, match="no outcome of this panel was known at 2026-01-02 00:00 UTC"):
        at(tmp_path, [row()], datetime(2026, 1, 2, tzinfo=UTC))
    pd.DataFrame([row()]).drop(columns="revision").to_csv(tmp_path / "short.csv")
    with pytest.raises(BadOutcomes, match="lack revision; a table of outcomes has code, date"):
        read_outcomes(TableOutcomes(path=str(tmp_path / "short.csv")))
    with pytest.raises(BadOutcomes, match=r"cannot be read: .*Correct outcomes\.source\.path"):
        read_outcomes(TableOutcomes(path=str(tmp_path / "none.csv")))


@pytest.mark.parametrize("change", [{"code": "EUR/USD"}, {"horizon": 7}, {"date": DAYS[0] + pd.Timedelta("-2D")}])
def test_a_table_that_matches_nothing_is_refused_and_never_reads_as_nothing_new(change: dict, tmp_path: Path) -> None:
    """Also where the panel's prices would give older outcomes."""
    with pytest.raises(BadOutcomes, match=r"none of the 2 outcomes .* is one of the panel's rows: .*such as USDJPY on"):
        at(tmp_path, [row(0) | change, row(0, after="7h", revision=1) | change], new_from=DAYS[10].date())
    ahead = row(0) | {"date": DAYS[-1] + pd.offsets.BDay(1)}
    assert at(tmp_path, [ahead], new_from=DAYS[10].date())[1].n_without_features == 1


def test_a_day_counts_once_it_is_whole_or_late_and_then_as_new(tmp_path: Path) -> None:
    """Until then neither it nor a later day is looked at; what was known meanwhile is new when it counts."""
    whole = [row(number, code) for number in (0, 2) for code in ("EURUSD", "USDJPY")]
    rows = [*whole, row(1), row(1, "USDJPY", after="40h"), row(3)]
    second, until = rows[5]["known_at"].to_pydatetime(), rows[0]["known_at"].to_pydatetime()
    found, counts = at(tmp_path, rows, second - timedelta(minutes=1), counted_until=until)
    assert (found["date"].unique().tolist(), counts.n_of_open_days, counts.n_new) == ([DAYS[0]], 3, 0)
    found, counts = at(tmp_path, rows, second, counted_until=second - timedelta(minutes=1))
    assert (found["date"].unique().tolist(), counts.n_of_open_days, counts.n_new) == ([*DAYS[:3]], 0, 4)
    late = (DAYS[3] + pd.offsets.BDay(HORIZON) + pd.Timedelta("48h")).tz_localize("UTC").to_pydatetime()
    assert at(tmp_path, rows, late - timedelta(minutes=1), counted_until=second)[1].n_new == 0
    assert at(tmp_path, rows, late, counted_until=late - timedelta(minutes=1))[1].n_new == 1


def test_a_clock_that_is_off_is_refused_by_name(tmp_path: Path) -> None:
    rows = outcomes_of_prices(panel(), OutcomesConfig())
    now = rows["known_at"].max().to_pydatetime()
    check_clock(rows, now - timedelta(minutes=2), OutcomesConfig())
    with pytest.raises(ClockSkew, match=r"on 2026-01-30 is known at .* Set the clock that is off; production stays"):
        check_clock(rows, now - timedelta(minutes=3), OutcomesConfig())
