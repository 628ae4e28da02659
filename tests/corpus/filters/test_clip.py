"""No document after the cutoff passes the clip, and every document read is accounted for."""

import math
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tasks.common.seeded import seeded_order
from tasks.corpus.filters.clip import ClipCounts, RawDocument, clip
from tasks.corpus.filters.cutoff import Cutoff

days = st.dates(date(1990, 1, 1), date(2020, 12, 31))
dates = days.map(str) | days.map(lambda day: f"{day}T05:48:54Z") | st.sampled_from(["", "yesterday", "2017-13-01"])
documents = st.lists(
    st.builds(RawDocument, id=st.uuids().map(str), date=dates, text=st.sampled_from(["", " \n", "word"]))
)


@given(documents, days)
def test_no_document_after_the_cutoff_passes(raw: list[RawDocument], cutoff: date) -> None:
    passed = list(clip(raw, Cutoff(cutoff), ClipCounts()))
    assert all(document.date <= cutoff and document.text.strip() for document in passed)


@given(documents, days)
def test_what_passes_on_one_side_is_what_is_dropped_for_the_day_on_the_other(
    raw: list[RawDocument], cutoff: date
) -> None:
    ledgers = {side: ClipCounts() for side in ("known", "after")}
    passed = {side: list(clip(raw, Cutoff(cutoff, side), ledgers[side])) for side in ledgers}
    assert all(document.date > cutoff for document in passed["after"])
    dated = len(raw) - ledgers["known"].dropped["unreadable_date"]
    assert ledgers["known"].dropped["after_cutoff"] + ledgers["after"].dropped["up_to_cutoff"] == dated
    read = {document.id for document in raw if document.date[:4].isdigit() and document.text.strip()}
    assert {document.id for side in passed.values() for document in side} <= read


@given(documents, days)
def test_the_ledger_counts_every_document_once(raw: list[RawDocument], cutoff: date) -> None:
    ledger = ClipCounts()
    n_passed = len(list(clip(raw, Cutoff(cutoff), ledger)))
    assert ledger.n_read == len(raw) == n_passed + ledger.dropped.total()


def test_drops_are_counted_by_reason() -> None:
    raw = [("2016-01-01", "kept"), ("2018-01-01", "late"), ("2018-01-02", ""), ("2016-01-02", " "), ("soon", "when?")]
    ledger = ClipCounts()
    passed = clip([RawDocument(text, day, text) for day, text in raw], Cutoff(date(2017, 7, 2)), ledger)
    assert [document.text for document in passed] == ["kept"]
    assert ledger.dropped == {"after_cutoff": 2, "empty_text": 1, "unreadable_date": 1}
    assert ledger.first_day == date(2016, 1, 1)


@given(st.sets(st.text(min_size=1), min_size=1), st.integers(0, 9))
def test_leaving_one_out_moves_no_other(names: set[str], seed: int) -> None:
    gone = min(names)
    assert seeded_order(names - {gone}, str, seed) == [name for name in seeded_order(names, str, seed) if name != gone]


def test_another_seed_gives_another_order() -> None:
    assert seeded_order(range(20), str, 0) != seeded_order(range(20), str, 1)


def test_a_language_score_that_is_no_number_passes_no_bound_and_has_its_own_reason() -> None:
    scores = [0.9, math.nan, None, 0.7, 0.8]
    raw = [RawDocument(str(place), "2017-01-01", "word", None, score) for place, score in enumerate(scores)]
    counts = ClipCounts()
    passed = list(clip(raw, Cutoff(date(2017, 7, 2)), counts, language_score=0.8))
    assert [document.id for document in passed] == ["0", "4"]
    assert counts.dropped == {"language_score_is_no_number": 2, "low_language_score": 1}
    assert len(list(clip(raw, Cutoff(date(2017, 7, 2)), ClipCounts()))) == 5
