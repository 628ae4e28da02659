"""Dumps are ordered by week, and there is one meaning of "on or before"."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.corpus.config import DUMPS_AFTER_2017_26, DUMPS_UP_TO_2017_26
from tasks.corpus.filters.cutoff import Cutoff, Dump

days = st.dates(date(2008, 1, 1), date(2030, 12, 31))


def test_dump_2017_26_ends_on_sunday_2_july() -> None:
    assert Dump.parse("CC-MAIN-2017-26").last_day == date(2017, 7, 2)
    assert str(Dump.parse("2017-26")) == "2017-26"


def test_the_35_dumps_are_in_order_and_admitted_by_their_last_ones_sunday() -> None:
    dumps = [Dump.parse(name) for name in DUMPS_UP_TO_2017_26]
    assert dumps == sorted(dumps)
    assert len(dumps) == 35
    assert all(map(Cutoff(date(2017, 7, 2)).admits, dumps))


def test_a_day_earlier_in_the_week_still_admits_its_dump_but_not_the_next() -> None:
    cutoff = Cutoff(date(2017, 6, 30))
    assert cutoff.admits(Dump(2017, 26))
    assert not cutoff.admits(Dump(2017, 30))
    assert not cutoff.admits(date(2017, 7, 1))


@given(days, days)
def test_a_day_is_admitted_exactly_up_to_the_cutoff(day: date, cutoff: date) -> None:
    assert Cutoff(cutoff).admits(day) == ((cutoff - day) >= timedelta(0))


@given(days, days)
def test_every_day_and_every_dump_is_on_exactly_one_side(day: date, cutoff: date) -> None:
    for known in (day, Dump.of(day)):
        assert Cutoff(cutoff, "known").takes(known) != Cutoff(cutoff, "after").takes(known)
        assert Cutoff(cutoff, "known").takes(known) == Cutoff(cutoff).admits(known)


def test_the_placebos_dumps_are_real_weeks_after_the_cutoffs() -> None:
    cutoff = Cutoff(date(2017, 7, 2), "after")
    assert all(cutoff.takes(Dump.parse(name)) for name in DUMPS_AFTER_2017_26)
    assert not set(DUMPS_AFTER_2017_26) & set(DUMPS_UP_TO_2017_26)


@given(days, days)
def test_an_admitted_day_is_in_an_admitted_dump(day: date, cutoff: date) -> None:
    if Cutoff(cutoff).admits(day):
        assert Cutoff(cutoff).admits(Dump.of(day))


@pytest.mark.parametrize("name", ["2017-60", "2017-00", "CC-MAIN-17-26", "2017-26-1", ""])
def test_a_name_that_is_not_a_week_is_not_a_dump(name: str) -> None:
    with pytest.raises(ValueError, match=r"week|dump"):
        Dump.parse(name)
