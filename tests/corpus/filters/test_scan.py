"""The scan for signs of later days: what is a mention, what is none, and that nothing is lost in adding up."""

import json
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.corpus.filters.canaries import CANARIES, Canary
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.filters.scan import N_EXAMPLES, Scan

CUTOFF = Cutoff(date(2017, 7, 2))
TEXTS = ["In 2018 and 2018.", "COVID-19 came in 2020.", "Nothing at all.", "ChatGPT", "The games of 2020", "2017"]


def scan_of(texts: list[str], first: int = 0) -> Scan:
    scan = Scan(CUTOFF)
    for number, text in enumerate(texts, start=first):
        scan.count(f"d{number}", scan.find(text))
    return scan


@pytest.mark.parametrize(
    "text", ["In 2019 it rained", "2019: rain", "on 2019-05-01.", "(mid-2019)", "7/4/2019", "of 2019, and", "2019"]
)
def test_a_later_year_standing_as_a_word_is_a_mention(text: str) -> None:
    assert Scan(CUTOFF).find(text) == ["2019"]


@pytest.mark.parametrize(
    "text",
    ["$2019", "£2019", "12,2019", "2,019", "20195", "x2019", "2019%", "2019.5", "#2019", "2017", "3.2019", "2100"],
)
def test_sums_decimals_longer_numbers_and_earlier_years_are_no_mention(text: str) -> None:
    assert Scan(CUTOFF).find(text) == []


@given(st.integers(1000, 2099), st.dates(date(1790, 1, 1), date(2098, 12, 31)))
def test_a_year_is_a_mention_exactly_when_it_is_after_the_cutoffs(year: int, cutoff: date) -> None:
    assert (Scan(Cutoff(cutoff), ()).find(f"the year {year} was") == [str(year)]) == (year > cutoff.year)


def test_a_name_counts_from_the_day_after_the_cutoff_on_and_as_a_whole_word() -> None:
    known = Canary("Omega", date(2018, 1, 1), "a test")
    assert Scan(Cutoff(date(2017, 12, 31)), [known]).find("Omega, not Omegas or omega") == ["Omega"]
    assert Scan(Cutoff(date(2018, 1, 1)), [known]).find("Omega") == []


def test_the_listed_names_are_in_the_order_of_their_days_and_each_has_a_source() -> None:
    assert all(a.known_on <= b.known_on for a, b in pairwise(CANARIES))
    assert all(canary.source for canary in CANARIES)
    assert len({canary.phrase for canary in CANARIES}) == len(CANARIES)
    assert all(Scan(Cutoff(date(1900, 1, 1))).find(canary.phrase).count(canary.phrase) == 1 for canary in CANARIES)


def test_facts_count_mentions_and_documents_and_name_examples() -> None:
    facts = scan_of(TEXTS).facts()
    assert facts["n_documents"] == 6
    assert facts["later_years"] == {
        "n_documents": 3,
        "n_mentions": {"2018": 2, "2020": 2},
        "examples": ["d0", "d1", "d4"],
    }
    found = facts["canaries"]["found"]
    assert {name: of["n_documents"] for name, of in found.items()} == {"COVID-19": 1, "ChatGPT": 1}
    assert found["COVID-19"]["known_on"] == "2020-02-11"
    assert found["ChatGPT"]["examples"] == ["d3"]
    assert "Bitcoin" not in facts["canaries"]["looked_for"]


@given(st.lists(st.sampled_from(TEXTS), max_size=12), st.integers(0, 12))
def test_two_workers_scans_add_up_to_the_scan_of_one(texts: list[str], split: int) -> None:
    parts = scan_of(texts[:split])
    parts.add(scan_of(texts[split:], first=len(texts[:split])))
    assert parts.facts() == scan_of(texts).facts()
    assert all(len(ids) <= N_EXAMPLES for ids in parts.examples.values())


@given(st.lists(st.sampled_from(TEXTS), max_size=12), st.integers(0, 12))
def test_a_scan_continues_from_its_facts_as_if_it_had_never_stopped(texts: list[str], split: int) -> None:
    resumed = Scan(CUTOFF)
    resumed.restore(json.loads(json.dumps(scan_of(texts[:split]).facts())))
    resumed.add(scan_of(texts[split:], first=len(texts[:split])))
    assert resumed.facts() == scan_of(texts).facts()
