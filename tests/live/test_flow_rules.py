"""Rules of the flows of live updates that need no model and no server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.live import show
from flows.live.decide import Decision
from flows.live.show import page_place, show_line
from flows.live_watch import by_count_key

AT = datetime(2026, 9, 1, 12, 10, tzinfo=UTC)


def test_an_update_by_count_that_failed_is_tried_again_in_the_next_hour_but_not_in_this_one() -> None:
    keys = [by_count_key("forex", "abc", AT + timedelta(minutes=minutes)) for minutes in (0, 30, 60)]
    assert keys[0] == keys[1] == "live:forex:abc:2026-09-01T12"
    assert keys[2] != keys[0]


def test_tables_that_cannot_be_made_end_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(*arguments: object) -> None:
        raise ValueError("a look of another schema")

    monkeypatch.setattr(show, "_publish", damaged)
    show_line.fn("forex", Decision("Promoted", "v2 replaces v1."))
    assert "the tables of forex are not up to date: a look of another schema" in caplog.text


def test_the_page_is_shown_by_path_and_command_not_as_a_link_to_another_machine(tmp_path: Path) -> None:
    shown = page_place("forex", tmp_path / "index.html")
    assert str(tmp_path / "index.html") in shown
    assert "`hindsight versions page forex`" in shown
    assert "file:" not in shown
