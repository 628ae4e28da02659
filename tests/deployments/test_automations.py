"""Dead runs are marked, silent ones are not, and people are notified: on a real server, with workers that are killed.

Slow scenes start first and are checked last; the tests run in the order of this file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import AutomationCore
from prefect.flow_runs import resume_flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.types._datetime import now

from deployments.automations import TAG, register_automations
from hindsight.cli.main import main
from tasks.store.store import open_store
from tasks.versions import moves
from tests.deployments.killable_worker import deploy, kill_at_once, pid_of, start, start_worker
from tests.deployments.receiver import Receiver, receiver
from tests.flows.stage_runs import finished, until
from tests.local_stack import Stack
from tests.versions.adapters import LINE, adapter

pytestmark = pytest.mark.server

STUCK = "hindsight: stuck, first look"
STUCK_WITHIN_SECONDS = 45.0
SILENT_SECONDS = 130.0
MARKED_WITHIN_SECONDS = 120.0


@dataclass(frozen=True)
class Scene:
    """What was started before the first test.

    Args:
        client: Of the stack's server.
        healthy: A run that says nothing for more than two minutes.
        asking: A parent that waits for a person.
        failing: A parent that fails.
        undone: A watch that rolls back.
        dead: Killed with its worker in mid-run.
        stuck: Its worker was killed before it came to life.
        waiting: Wants the slot of `stuck`.
        killed_at: When the workers died.
        hook: Where notifications arrive.
        lines: What the registration printed.
    """

    client: SyncPrefectClient
    healthy: FlowRun
    asking: FlowRun
    failing: FlowRun
    undone: FlowRun
    dead: FlowRun
    stuck: FlowRun
    waiting: FlowRun
    killed_at: datetime
    hook: Receiver
    lines: list[str]


@pytest.fixture(scope="module")
def scene(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    with (
        temporary_settings(updates={PREFECT_API_URL: stack.api}),
        receiver() as hook,
        pytest.MonkeyPatch.context() as environment,
        get_client(sync_client=True) as client,
    ):
        environment.setenv("HINDSIGHT_WEBHOOK_URL", hook.url)
        lines = register_automations(within={STUCK: STUCK_WITHIN_SECONDS})
        try:
            yield from _played(client, stack, folder, hook, lines)
        finally:
            environment.delenv("HINDSIGHT_WEBHOOK_URL")
            client.delete_block_document(client.read_block_document_by_name("hindsight-notifications", "webhook").id)
            # Restart the killed workers, and restore the times of the file.
            assert stack.local("up").returncode == 0


def _played(client: SyncPrefectClient, stack: Stack, folder: Path, hook: Receiver, lines: list[str]) -> Iterator[Scene]:
    dead = start(deploy(client, "doomed", "doomed", "automations", "h100"))
    # The first start of `quick` hangs before its flow begins, as one whose image never comes; the second goes through.
    script = f"bash -c 'mkdir {folder / 'first'} && sleep 900 || true'"
    hang = {"prefect.deployments.steps.run_shell_script": {"script": script}}
    quick = deploy(client, "quick", "quick", "automations", "h100x8", pull_steps=[hang], concurrency_limit=1)
    stuck = start(quick)
    healthy = start(deploy(client, "silent", "silent", "automations", "cpu"), seconds=SILENT_SECONDS)
    parent = deploy(client, "leakage-premium", "parent", "automations", "cpu")
    asking, failing = start(parent, how="ask"), start(parent, how="fail")
    undone = start(deploy(client, "live-watch", "watch", "automations", "cpu"), ending="RolledBack")
    # No heartbeat longer: a run that dies right after its start must be found too.
    until(lambda: _now(client, dead).state_type == StateType.RUNNING and (folder / "first").exists())
    assert kill_at_once([pid_of(stack, "worker-h100"), pid_of(stack, "worker-h100x8")]) > 4
    killed_at = now("UTC")
    waiting = start(quick)
    worker = start_worker(stack, "h100x8", folder / "second.log")
    try:
        yield Scene(client, healthy, asking, failing, undone, dead, stuck, waiting, killed_at, hook, lines)
    finally:
        kill_at_once([worker.pid])
        worker.wait()


def test_the_address_of_the_receiver_is_shown_nowhere(scene: Scene) -> None:
    kept = scene.client.request("POST", "/automations/filter", json={}).text
    block = scene.client.read_block_document_by_name("hindsight-notifications", "webhook", include_secrets=False)
    assert len([line for line in scene.lines if line.startswith("hindsight: ")]) == 12
    for text in (*scene.lines, kept, block.model_dump_json()):
        assert "T0KEN" not in text


def test_a_second_registration_changes_nothing_and_keeps_other_automations(scene: Scene) -> None:
    trigger = {"expect": ["of.nobody"]}
    mine = AutomationCore.model_validate({"name": "hindsight: of an operator", "trigger": trigger, "actions": []})
    stale = mine.model_copy(update={"name": "hindsight: of an older version", "tags": [TAG]})
    ids = [scene.client.create_automation(each) for each in (mine, stale)]
    try:
        lines = register_automations(within={STUCK: STUCK_WITHIN_SECONDS})
        assert [line.rpartition(": ")[2] for line in lines] == ["unchanged"] * 12 + ["removed"]
        there = [each.id for each in scene.client.read_automations()]
        assert [each in there for each in ids] == [True, False]
    finally:
        scene.client.delete_automation(ids[0])


def test_a_failed_parent_is_reported_with_its_reason_and_a_link(scene: Scene) -> None:
    notified = until(lambda: scene.hook.of_run(scene.failing.id, "failure"))
    assert len(notified) == 1
    assert notified[0]["flow_run"] == scene.failing.name
    assert notified[0]["state"] == "Failed"
    assert 'the "planted" reason' in notified[0]["message"]
    assert notified[0]["link"].endswith(f"/runs/flow-run/{scene.failing.id}")
    assert notified[0]["link"] in notified[0]["text"]
    assert datetime.fromisoformat(notified[0]["time"]) <= now("UTC")


def test_a_rollback_of_the_watch_is_told_once_and_not_as_a_report(scene: Scene) -> None:
    until(lambda: scene.hook.of_run(scene.undone.id, "live"))
    (told,) = [each for each in scene.hook.received if each["id"] == str(scene.undone.id)]
    assert (told["kind"], told["state"], told["message"]) == ("live", "RolledBack", "v1 is in production again.")


def test_moves_by_a_person_at_a_terminal_are_told_in_the_same_way(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PREFECT_API_URL", str(scene.client.api_url))
    store = open_store()
    for number in (0, 1):
        moves.register(store, LINE, adapter(store, tmp_path, number), why="for the test", by="ada")
    for name in ("v1", "v2"):
        assert main(["versions", "promote", LINE, name, "-m", 'it is "better"', "--by", "ada"]) == 0
    assert main(["versions", "rollback", LINE, "-m", "worse", "--expected", "v2", "--by", "grace"]) == 0
    undone = until(lambda: [each for each in scene.hook.received if each["flow_run"] == f"roll back {LINE}"])
    message = f"{LINE} v1: production, roll back by grace: worse"
    assert {(each["kind"], each["state"], each["message"]) for each in undone} == {("live", "RolledBack", message)}
    assert "/events/event/" in undone[0]["link"]
    promoted = until(lambda: [each for each in scene.hook.received if each["flow_run"] == f"promote {LINE}"][1:])
    assert promoted[-1]["state"] == "Promoted"
    assert 'by ada: it is "better"' in promoted[-1]["text"]


def test_a_question_is_reported_while_the_run_waits_for_its_answer(scene: Scene) -> None:
    notified = until(lambda: scene.hook.of_run(scene.asking.id, "question"))
    assert notified[0]["state"] == "Paused"
    assert _now(scene.client, scene.asking).state_type == StateType.PAUSED


def test_a_run_stuck_in_pending_is_marked_and_the_next_run_gets_its_slot(scene: Scene) -> None:
    stuck, waiting = finished(scene.stuck), finished(scene.waiting)
    assert stuck.state_type == StateType.CRASHED
    assert stuck.state is not None
    assert stuck.state.message is not None
    assert stuck.state.message.startswith("It stayed Pending")
    assert "Running" not in _names(scene.client, stuck)
    assert waiting.state_type == StateType.COMPLETED
    assert waiting.start_time is not None
    assert waiting.start_time > stuck.state.timestamp


def test_a_run_killed_with_its_worker_is_marked_within_two_minutes(scene: Scene) -> None:
    dead = finished(scene.dead, MARKED_WITHIN_SECONDS + 30)
    assert dead.state_type == StateType.CRASHED
    assert dead.state is not None
    assert dead.state.message is not None
    assert dead.state.message.startswith("No heartbeat any more")
    took = (dead.state.timestamp - scene.killed_at).total_seconds()
    print(f"marked {took:.0f} s after the kill")
    assert 30 < took < MARKED_WITHIN_SECONDS


def test_a_healthy_silent_stage_is_not_marked(scene: Scene) -> None:
    assert _names(scene.client, finished(scene.healthy, SILENT_SECONDS + 60))[-2:] == ["Running", "Completed"]


def test_a_run_that_waited_longer_than_the_dead_one_lives_on_and_its_report_is_announced(scene: Scene) -> None:
    resume_flow_run(scene.asking.id)
    assert _names(scene.client, finished(scene.asking))[-4:] == ["Running", "Paused", "Running", "Completed"]
    notified = until(lambda: scene.hook.of_run(scene.asking.id, "finished"))
    assert "has its report" in notified[0]["text"]


@pytest.mark.slow
def test_a_healthy_stage_silent_for_ten_minutes_is_not_marked(scene: Scene) -> None:
    run = start("silent/automations", seconds=600)
    assert _names(scene.client, finished(run, 700))[-2:] == ["Running", "Completed"]


def _now(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    return client.read_flow_run(run.id)


def _names(client: SyncPrefectClient, run: FlowRun) -> list[str | None]:
    return [state.name for state in sorted(client.read_flow_run_states(run.id), key=lambda state: state.timestamp)]
