"""One bad night, played through on a real server: what is killed comes back, and what was done is not done again.

A run with another learning rate than the demo's: parent and its worker are killed in mid-train, the parent is marked
dead by its silence and retried from the command line, finds its training alive, then its merge is killed and the run is
retried once more. The trainer is stopped (SIGSTOP) while the parent is away, so that it cannot end first.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from tasks.common.settings import project_root
from tasks.recipe import Recipe, load_recipe
from tasks.store.forget import forget
from tasks.store.store import open_store
from tests.flows.live_processes import kill_run, kill_worker, processes_of
from tests.flows.stage_runs import find_report, finished, have_run, lines_of, runs_of_step, state_of, until
from tests.local_stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.trainer]

NAME = "bad-night"
TRAINER = "tasks.train.trainer"


@dataclass
class Night:
    """What was seen.

    Args:
        parent: The run that was retried twice.
        seconds_until_marked: From the kill of parent and worker to the parent's state Crashed.
        after_first_retry: The parent when its merge had been killed.
        after_second_retry: The parent at its end.
    """

    parent: FlowRun
    seconds_until_marked: float
    after_first_retry: FlowRun
    after_second_retry: FlowRun


def recipe() -> Recipe:
    smoke = load_recipe(project_root() / "configs" / "smoke.yaml")
    return smoke.model_copy(update={"name": NAME, "train": smoke.train.model_copy(update={"learning_rate": 2e-3})})


def send(changed: Recipe, **parameters: object) -> FlowRun:
    asked = {"recipe": changed.model_dump(mode="json"), **parameters}
    return run_deployment("leakage-premium/smoke", parameters=asked, timeout=0, as_subflow=False)


def runs(step: str) -> list[FlowRun]:
    return runs_of_step(NAME, step)


@pytest.fixture(scope="module")
def night(stack: Stack) -> Iterator[Night]:
    # The module's own settings: `on_stack` is one test's.
    before = os.environ.get("HINDSIGHT_STATE")
    os.environ["HINDSIGHT_STATE"] = str(stack.state)
    try:
        with temporary_settings(updates={PREFECT_API_URL: stack.api}):
            yield play(stack)
    finally:
        os.environ.pop("HINDSIGHT_STATE")
        if before is not None:
            os.environ["HINDSIGHT_STATE"] = before


def play(stack: Stack) -> Night:
    have_run(stack, "smoke")
    parent = send(recipe())
    train = until(lambda: runs("train"))[0]
    trainers = until(lambda: processes_of(train.id, TRAINER))
    for process in trainers:
        process.send_signal(signal.SIGSTOP)
    kill_worker("cpu")
    kill_run(parent.id)
    killed_at = time.monotonic()
    until(lambda: state_of(parent) is StateType.CRASHED)
    seconds_until_marked = time.monotonic() - killed_at
    started_again = stack.local("up")
    assert started_again.returncode == 0, started_again.stderr
    retry_by_command_line(stack, parent)
    until(lambda: [line for line in lines_of(parent) if "re-attached" in line])
    for process in trainers:
        process.send_signal(signal.SIGCONT)
    kill_run(until(lambda: runs("merge"))[0].id)
    after_first_retry = ended_again(parent, {StateType.FAILED})
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(parent.id, Scheduled(name="AwaitingRetry"))
    return Night(parent, seconds_until_marked, after_first_retry, ended_again(parent, {StateType.COMPLETED}))


def retry_by_command_line(stack: Stack, run: FlowRun) -> None:
    command = [sys.executable, "-m", "prefect", "flow-run", "retry", str(run.id)]
    environment = {**stack.environment(), "PREFECT_API_URL": stack.api}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def ended_again(run: FlowRun, states: set[StateType]) -> FlowRun:
    until(lambda: state_of(run) in states)
    return finished(run)


def test_a_parent_whose_worker_died_with_it_is_marked_dead_within_two_minutes(night: Night) -> None:
    assert night.seconds_until_marked <= 120
    print(f"marked dead after {night.seconds_until_marked:.0f} s")


def test_the_retried_parent_goes_on_with_the_living_training_which_started_once(night: Night) -> None:
    assert [run.state_name for run in runs("train")] == ["Completed"]
    assert [run.run_count for run in runs("train")] == [1]


def test_one_changed_learning_rate_starts_train_and_what_follows_and_nothing_before_it(night: Night) -> None:
    started = {step: len(runs(step)) for step in ("base", "corpus", "panel", "embed base", "embed trained", "report")}
    assert started == {"base": 0, "corpus": 0, "panel": 0, "embed base": 0, "embed trained": 1, "report": 1}


def test_a_merge_killed_outright_fails_the_run_with_its_name(night: Night) -> None:
    assert night.after_first_retry.state is not None
    assert "merge: run 'bad-night: merge' on merge/h100 ended Crashed" in (night.after_first_retry.state.message or "")


def test_the_second_retry_runs_the_merge_again_and_not_the_training(night: Night) -> None:
    assert sorted(str(run.state_name) for run in runs("merge")) == ["Completed", "Crashed"]
    assert night.after_second_retry.run_count == 3
    assert any("train: found in the store" in line for line in lines_of(night.parent))


def test_a_new_run_of_the_same_recipe_starts_nothing(night: Night, on_stack: Stack) -> None:
    before = {step: len(runs(step)) for step in ("train", "merge", "embed trained", "premium", "report")}
    assert finished(send(recipe())).state_name == "Completed"
    assert {step: len(runs(step)) for step in before} == before


def test_an_artifact_deleted_behind_a_completed_run_is_rebuilt(night: Night, on_stack: Stack) -> None:
    store = open_store()
    report = find_report(recipe(), store)
    forget(store, report)
    before = {step: len(runs(step)) for step in ("premium", "report")}
    assert finished(send(recipe())).state_name == "Completed"
    assert find_report(recipe(), store) == report
    assert {step: len(runs(step)) for step in before} == {**before, "report": before["report"] + 1}


def test_from_a_stage_on_it_and_what_is_made_from_it_run_again(night: Night, on_stack: Stack) -> None:
    before = {step: len(runs(step)) for step in ("embed trained", "premium", "report")}
    again = finished(send(recipe(), from_stage="premium"))
    assert again.state_name == "Completed", lines_of(again)
    assert {step: len(runs(step)) for step in before} == {
        "embed trained": before["embed trained"],
        "premium": before["premium"] + 1,
        "report": before["report"] + 1,
    }


def test_from_a_stage_on_is_refused_where_something_before_it_has_not_run(night: Night, on_stack: Stack) -> None:
    other = recipe().model_copy(
        update={"name": "never-trained", "train": recipe().train.model_copy(update={"seed": 9})}
    )
    refused = finished(send(other, from_stage="merge"))
    assert refused.state_name == "Failed"
    said = refused.state.message if refused.state else ""
    assert "runs nothing before it, but train of never-trained has not run" in (said or "")
    assert runs_of_step("never-trained", "train") == []
