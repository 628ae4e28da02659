"""The buttons of a model's versions: promote, and roll back, through a server and its worker."""

import re
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from flows.versions import versions
from tasks.store.store import open_store
from tasks.versions import moves
from tasks.versions.history import read_history
from tests.flows.browser import browser_page, field, fill, open_form, submit_run
from tests.flows.stage_runs import finished, send, until
from tests.local_stack import Stack
from tests.versions.adapters import LINE, adapter

pytestmark = pytest.mark.server


def test_versions_are_promoted_and_rolled_back_by_a_button(on_stack: Stack, tmp_path: Path) -> None:
    store = open_store()
    for number in range(2):
        moves.register(store, LINE, adapter(store, tmp_path, number), why="for the test", by="ada")
    moves.promote(store, LINE, "v1", why="first", by="ada")
    promoted = finished(send("versions/promote", {"line": LINE, "version": "v2", "why": "better"}))
    rolled = finished(send("versions/rollback", {"line": LINE, "why": "worse", "by": "grace", "expected": "v2"}))
    resumed = finished(send("versions/resume", {"line": LINE, "why": "seen", "by": "grace"}))
    states = [own.state for own in (promoted, rolled, resumed)]
    # The automation `hindsight: live` tells people of the first two by these names.
    assert [(own.type, own.name) for own in states if own] == [
        (StateType.COMPLETED, name) for name in ("Promoted", "RolledBack", "Completed")
    ]
    assert states[1] is not None
    assert states[1].message == f"{LINE} v1: production, roll back by grace: worse"
    history = read_history(store.objects, LINE)
    assert [(move.action, move.version, move.by) for move in history.moves[-3:]] == [
        ("promote", "v2", f"flow run {promoted.name}"),
        ("roll back", "v1", "grace"),
        ("resume", "v1", "grace"),
    ]
    with get_client(sync_client=True) as client:
        (table,) = [found for found in client.read_artifacts() if found.flow_run_id == rolled.id and found.key]
    assert table.key == f"versions-{LINE}"
    assert "v1 is production after 5 moves" in str(table.description)


def test_each_field_of_the_form_is_one_that_a_person_can_type_into() -> None:
    fields = versions.parameters.properties
    assert {name: found["type"] for name, found in fields.items()} == dict.fromkeys(fields, "string")
    assert re.fullmatch(fields["expected"]["pattern"], "v12")
    assert not re.fullmatch(fields["version"]["pattern"], "none")


@pytest.mark.slow
def test_a_person_rolls_back_by_the_form(on_stack: Stack, tmp_path: Path) -> None:
    store, line = open_store(), "by-hand"
    for number in range(2):
        moves.register(store, line, adapter(store, tmp_path, number), why="for the test", by="ada")
        moves.promote(store, line, f"v{number + 1}", why="for the test", by="ada")
    with browser_page() as page:
        open_form(page, on_stack, "versions/rollback")
        for label, value in (("line", line), ("why", "worse since Tuesday"), ("expected", "v2")):
            fill(field(page, label), value)
        submit_run(page)
    until(lambda: read_history(store.objects, line).awaits_review)
    (*_, last) = read_history(store.objects, line).moves
    assert (last.action, last.version, last.why) == ("roll back", "v1", "worse since Tuesday")


@pytest.mark.parametrize(
    ("expected", "message"),
    [("v2", "no versions of 'no-such-line'"), ("", "expected is empty, and `roll back` needs the version")],
)
def test_a_refused_rollback_fails_with_its_reason_and_changes_nothing(
    on_stack: Stack, expected: str, message: str
) -> None:
    run = finished(send("versions/rollback", {"line": "no-such-line", "why": "worse", "expected": expected}))
    assert run.state is not None
    assert run.state_type is StateType.FAILED
    assert message in str(run.state.message)
