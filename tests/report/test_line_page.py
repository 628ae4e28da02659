"""The page of a line: what it says first, that all its figures are in results.json, and that names cannot inject."""

import re

from tasks.common.text import bounds
from tasks.report.line import figures
from tasks.report.line.figures import differences
from tasks.report.line.page import PAGE_NAME, findings, render, write_line
from tasks.report.line.tables import costs, looks, policies, timeline
from tasks.schemas.live import LinePage
from tasks.schemas.results import RESULTS_NAME
from tests.report.page_reader import Page, words
from tests.report.sample_line import made_line

EVIL = "<script>alert(1)</script>"
PAGE = made_line()


def test_the_page_says_first_what_is_in_production_and_why() -> None:
    first, look, watch = findings(PAGE)
    assert first == "v1 is in production, 4 versions, 3 looks, 1 promoted."
    assert look.startswith("Newest look, v4 beside v1: Promoted: accuracy +0.141")
    assert watch.startswith("Roll back: accuracy of v1 less v4")
    shown = words(Page(render(PAGE)))
    assert all(sentence in shown for sentence in (first, look, watch))


def test_results_hold_everything_that_the_page_shows(tmp_path) -> None:
    file = write_line(PAGE, tmp_path / "line")
    assert file.name == PAGE_NAME
    assert LinePage.model_validate_json((tmp_path / "line" / RESULTS_NAME).read_text()) == PAGE
    assert render(PAGE) == file.read_text()


def test_a_look_shows_its_interval_level_and_smallest_detectable_difference() -> None:
    name, counted, cells = looks(PAGE)[-1]
    first = PAGE.looks[0].gate
    assert (name, counted) == ("look 1", "keep; 120 days, 6,120 rows, 24 without overlap")
    assert cells[2] == [f"{first.smallest_detectable:.4f}"]
    assert cells[4] == ["0.0047", "spent 0.0047", "left 0.0453"]


def test_a_first_look_stands_at_a_whole_number() -> None:
    first = PAGE.model_copy(update={"versions": PAGE.versions[-1:], "looks": PAGE.looks[:1], "watches": []})
    assert findings(first)[0] == "v1 is in production, 1 version, 1 look, 0 promoted."
    found = differences(first.looks)
    assert found is not None
    labels = re.findall(r"<text[^>]*>([^<]*)<", found.svg)
    assert labels[: labels.index("look")] == ["1"]


def test_other_policies_say_on_which_days_they_were_measured() -> None:
    never, *always = policies(PAGE)
    assert never["policy"] == "never update: v1 in place of v4"
    assert never["measured on"] == "live days"
    assert never["interval"].startswith("[+0.0")
    assert [row["policy"] for row in always] == [
        "always update: v2 in place of v1",
        "always update: v3 in place of v1",
    ]
    assert all(row["measured on"].startswith("hold-out, 2026-01-0") for row in always)


def test_the_curve_of_other_policies_has_the_interval_of_every_moment_and_look() -> None:
    found = figures.policies(PAGE)
    assert found is not None
    never = [row for row in found.rows if row["policy"] == "never: v1 in place of v4"]
    assert [row["interval"] for row in never] == [bounds(own.interval) for own in PAGE.watches]
    assert [row["policy"] for row in found.rows[len(never) :]] == [
        "always: v2 in place of v1",
        "always: v3 in place of v1",
    ]
    assert 'aria-label="Policies by day"' in render(PAGE)
    assert figures.policies(PAGE.model_copy(update={"looks": PAGE.looks[2:], "watches": []})) is None


def test_the_timeline_has_every_move_and_look_newest_first() -> None:
    rows = timeline(PAGE)
    assert len(rows) == len(PAGE.moves) + len(PAGE.looks)
    assert [row["at, UTC"] for row in rows] == sorted((row["at, UTC"] for row in rows), reverse=True)
    assert [row["what"] for row in rows[:4]] == ["rolled back", "promoted", "look 3: promote", "registered"]
    assert [row["what"] for row in rows[-2:]] == ["promoted", "registered"]


def test_costs_are_summed() -> None:
    assert costs(PAGE)[-1] == {
        "look": "all",
        "new outcomes": "1,530",
        "machine time": "42 min",
        "tokens": "184,320",
        "dollars": "2.73",
    }


def test_names_and_reasons_cannot_inject() -> None:
    page = render(made_line(why=EVIL, by=EVIL))
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_a_line_without_looks_says_so() -> None:
    bare = PAGE.model_copy(update={"looks": [], "watches": []})
    shown = words(Page(render(bare)))
    assert "No swap is watched" in shown
    assert "Nothing is recorded yet." in shown
