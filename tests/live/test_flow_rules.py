"""Rules of the flows of live updates that need no model and no server."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from flows.live import show
from flows.live.decide import Decision
from flows.live.show import page_place, show_line
from flows.live_watch import by_count_key
from tasks.live.looks import findings_until, looks_beside, records_of_line
from tasks.schemas.live import LOOK_KIND, GateFinding, GateVerdict, PairedScore
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store, open_store
from tests.store.small_artifact import SmallConfig

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


def test_two_looks_that_were_made_at_a_time_both_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    store = open_store()
    first = _look(store, tmp_path, 1, "keep", None)
    second, third = _look(store, tmp_path, 2, "promote", first), _look(store, tmp_path, 2, "keep", first)
    assert looks_beside(store, [first, second]) == ()
    beside = looks_beside(store, [first, second, third])
    assert beside == (second,)
    found = findings_until(store, third, beside)
    assert [own.look for own in found] == [1, 2, 3]
    assert sorted(own.verdict for own in found) == ["keep", "keep", "promote"]
    fourth = _look(store, tmp_path, 4, "keep", third)
    assert looks_beside(store, [first, second, third, fourth]) == (second,)


def test_records_of_a_line_are_read_when_asked_for_the_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    store, read = open_store(), list[str]()
    looks = [_look(store, tmp_path, number, "keep", None) for number in (1, 2, 3)]
    for age, look in enumerate((looks[1], looks[0], looks[2])):
        record = tmp_path / "store" / store.records.name_of(look.path)
        os.utime(record, (AT.timestamp() - age, AT.timestamp() - age))
    plain = store.records.read
    monkeypatch.setattr(store.records, "read", lambda path: read.append(path) or plain(path))
    newest = next(records_of_line(store, LOOK_KIND, "forex"))
    assert (newest.ref, read) == (looks[1], [looks[1].path])
    others = records_of_line(store, LOOK_KIND, "forex", {looks[1].path})
    assert [record.ref for record in others] == [looks[0], looks[2]]
    assert list(records_of_line(store, LOOK_KIND, "fore")) == []


def _look(store: Store, folder: Path, number: int, verdict: GateVerdict, before: ArtifactRef | None) -> ArtifactRef:
    score = PairedScore(name="accuracy", candidate=0.5, production=0.5, difference=0, interval=None)
    finding = GateFinding(
        look=number,
        first_day=date(2026, 1, 1),
        last_day=date(2026, 6, 1),
        n_rows=1,
        n_days=1,
        n_bets=1,
        scores=[score],
        decided_by="accuracy",
        margin=0,
        evidence=1,
        level=0.01,
        level_spent=0.01,
        level_left=0.01,
        smallest_detectable=None,
        verdict=verdict,
        sentence="",
    )
    content = folder / f"{number}-{verdict}"
    content.mkdir()
    (content / "look.json").write_text(finding.model_dump_json())
    kind = ArtifactType[SmallConfig](LOOK_KIND, 1, lambda config, inputs: "forex")
    spec = kind.spec(SmallConfig(size=len(list(folder.iterdir()))), {"before": before} if before else {})
    return store.publish(spec, content, {"finding": finding.model_dump(mode="json")}, 1.0)
