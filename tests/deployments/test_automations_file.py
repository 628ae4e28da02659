"""The file of automations: what is refused, and what is registered without an address. Needs no server."""

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from prefect.events.actions import CallWebhook
from prefect.server.events.jinja_filters import all_filters
from prefect.server.events.schemas.automations import EventTrigger
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.utilities.user_templates import register_user_template_filters, render_user_template_sync

from deployments.automations import BadAutomations, automations
from deployments.pools import pool_files
from deployments.webhook import BadWebhook, saved_webhooks
from flows.live.decide import Ending
from flows.live_update import live_update
from flows.live_watch import live_watch
from flows.server.moved import ENDINGS, event_of
from flows.versions import versions
from tasks.common.settings import project_root
from tasks.store.refs import ArtifactRef
from tasks.versions.history import Action, Evidence, Move, Version

ADAPTER = ArtifactRef(kind="train", label="x", key="0" * 16, digest="0" * 64)
OWN_API = {"own-api": uuid.uuid4()}
ENTRY = """
automations:
  - name: one
    trigger: {posture: Reactive, expect: [prefect.flow-run.Failed], %s}
    actions: [{%s}]
    %s
"""


def written(folder: Path, trigger: str = "", action: str = "", entry: str = "") -> Path:
    file = folder / "automations.yaml"
    key, _, value = action.partition(": ")
    given = {"type": "change-flow-run-state", "state": "CRASHED"} | ({key: value} if action else {})
    file.write_text(ENTRY % (trigger, ", ".join(f"{key}: {value}" for key, value in given.items()), entry))
    return file


def test_without_an_address_only_what_notifies_nobody_is_registered() -> None:
    names = [each.name for each in automations(OWN_API)]
    assert len(names) == 8
    assert {name.partition(",")[0].removeprefix("hindsight: ") for name in names} == {
        "silent",
        "stuck",
        "pod pending",
        "image",
    }
    assert len(automations({**OWN_API, "notifications": uuid.uuid4()})) == 12


def test_a_time_can_be_another_and_only_of_an_automation_there_is() -> None:
    changed = automations(OWN_API, within={"hindsight: stuck, first look": 20})
    assert [each.trigger.within.total_seconds() for each in changed] == [35, 60, 20, 0, 3600, 0, 300, 0]
    with pytest.raises(BadAutomations, match="no automation 'stuk' whose `within`"):
        automations(OWN_API, within={"stuk": 20})


def test_a_second_report_starts_a_new_look_where_a_late_heartbeat_answered_the_first() -> None:
    # Prefect restarts an open look for an event only if the look both comes after it and expects it.
    (second,) = [each.trigger for each in automations(OWN_API) if each.name == "hindsight: silent, second look"]
    assert "hindsight.flow-run.silent" in second.after & second.expect


def test_the_pools_whose_runs_are_watched_are_the_registered_ones() -> None:
    pools = "[" + ", ".join(f'"{file.stem}"' for file in pool_files()) + "]"
    asked = [each.actions[0].payload for each in automations(OWN_API) if isinstance(each.actions[0], CallWebhook)]
    assert len(asked) == 5
    assert all(f"flow_run.work_pool_name in {pools}" in payload for payload in asked)


@pytest.mark.parametrize(
    ("where", "key"),
    [("trigger", "trigger.withn"), ("action", "actions.messag"), ("entry", "descripton")],
)
def test_a_key_that_prefect_would_ignore_is_refused(where: str, key: str, tmp_path: Path) -> None:
    file = written(tmp_path, **{where: f"{key.rpartition('.')[2]}: 5"})
    with pytest.raises(BadAutomations, match=f"'one'.*{key}"):
        automations(OWN_API, file=file)


@pytest.mark.parametrize(
    ("where", "given", "why"),
    [
        ("trigger", "within: -1", "trigger.*within: Input should be greater than or equal to"),
        ("action", "state: DEAD", "actions.state: Input should be 'SCHEDULED'"),
        ("action", "type: reboot", "actions.type='reboot' is not one of call-webhook, cancel-flow-run"),
        ("entry", "enabled: perhaps", "enabled: Input should be a valid boolean"),
    ],
)
def test_what_prefect_refuses_is_refused_with_the_key(where: str, given: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadAutomations, match=f"'one': {why}"):
        automations(OWN_API, file=written(tmp_path, **{where: given}))


@pytest.mark.parametrize("text", ["", "- one", "automations: {}", "automations: [{trigger: {}}]", "automation: []"])
def test_a_file_that_is_not_a_list_of_names_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "automations.yaml"
    file.write_text(text)
    with pytest.raises(BadAutomations, match="is not a list of automations with names"):
        automations(OWN_API, file=file)


def test_a_bad_address_is_refused_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_SERVER_API", "prefect.internal/s3cret/api")
    with pytest.raises(BadWebhook, match=r"HINDSIGHT_SERVER_API \(34 characters\) is not an address") as refused:
        saved_webhooks()
    assert "s3cret" not in str(refused.value)


def test_the_automations_name_every_pool_and_no_other() -> None:
    text = (project_root() / "deployments" / "automations.yaml").read_text()
    named = [set(json.loads(found)) for found in re.findall(r"work_pool_name in (\[[^\]]*\])", text)]
    assert len(named) == 4
    assert all(pools == {file.stem for file in pool_files()} for pools in named)


def test_people_are_told_of_endings_that_live_flows_have_and_of_moves_by_a_person() -> None:
    (live,) = [each for each in automations({**OWN_API, "notifications": uuid.uuid4()}) if each.name.endswith("live")]
    events = [event.rpartition(".") for event in live.trigger.expect]
    told = {ending for kind, _, ending in events if kind == "prefect.flow-run"}
    assert told == {"Promoted", "RolledBack", "Skipped"}
    assert told < set(get_args(Ending))
    assert {ending for kind, _, ending in events if kind == "hindsight.versions"} == set(ENDINGS.values()) < told
    names = [live_update.name, live_watch.name, versions.name]
    assert live.trigger.match_related["prefect.resource.name"] == names


@pytest.mark.parametrize("action", ENDINGS)
def test_a_move_at_a_terminal_is_told_with_its_reason(action: Action) -> None:
    """By Prefect's own trigger and template, without a server."""
    move = Move(
        line="forex", number=3, previous="0" * 64, action=action, version="v2", at=datetime.now(UTC), by="ada",
        why='it is "better"',
    ).sealed()  # fmt: skip
    version = Version("v2", "production", Evidence(artifacts={"adapter": ADAPTER}), (move,))
    received = ReceivedEvent.model_validate(event_of("forex", version).model_dump() | {"received": datetime.now(UTC)})
    (live,) = [each for each in automations({**OWN_API, "notifications": uuid.uuid4()}) if each.name.endswith("live")]
    trigger = EventTrigger.model_validate(live.trigger.model_dump())
    assert trigger.covers(received)
    assert received.event in trigger.expect
    register_user_template_filters(all_filters)
    text = render_user_template_sync(live.actions[0].payload, {"event": received, "flow_run": None})
    told = json.loads(text)
    message = f'forex v2: production, {action} by ada: it is "better"'
    assert (told["kind"], told["state"], told["message"]) == ("live", ENDINGS[action], message)
    assert told["text"].startswith(f"{action} forex: {ENDINGS[action]}: {message}")
    assert told["id"] == str(received.id)
