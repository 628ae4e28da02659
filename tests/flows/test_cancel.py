"""Time-out, cancel, a node that takes one run at a time: two ranks train under torch's launcher, and are ended twice.

A training is timed out by its pool's limit, resumed by a parent, cancelled through that parent, and brought to its
end by the parent's retry. A second training waits for the node meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Scheduled

from flows import stages
from flows.runner.request import StageRequest
from tasks.common.settings import project_root
from tasks.recipe import Recipe, load_recipe
from tasks.store.refs import ArtifactSpec
from tasks.store.store import open_store
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tests.flows.live_processes import processes_of
from tests.flows.stage_runs import find_report, finished, have_run, lines_of, runs_of_step, state_of, until
from tests.local_stack import Stack, deploy

pytestmark = [pytest.mark.server, pytest.mark.trainer, pytest.mark.slow]

NAME = "ended-twice"
RANK = "tasks.train.trainer"
N_RANKS = 2
LIMIT_HOURS = 60 / 3600
"""Enough to begin and to leave a state; the launcher and axolotl on two ranks take half of it to start."""


@dataclass
class Played:
    """What was seen.

    Args:
        timed_out: The training that its pool's limit ended.
        left_by_time_out: Its processes that lived on.
        cancelled_parent: After its cancel.
        cancelled_train: The training it had sent.
        left_by_cancel: Processes of both that lived on.
        second_while_first_ran: States of a second training for the same node, as long as the first held it.
        second: That one, when the node was free.
        retried: The parent at its end.
        facts: Of the checkpoint.
    """

    timed_out: FlowRun
    left_by_time_out: list[int]
    cancelled_parent: FlowRun
    cancelled_train: FlowRun
    left_by_cancel: list[int]
    second_while_first_ran: set[str]
    second: FlowRun
    retried: FlowRun
    facts: dict[str, object]


def recipe(seed: int = 77) -> Recipe:
    plain = load_recipe(project_root() / "configs" / "smoke-full-weight.yaml")
    # Four times the demo's steps, so that none of it ends before it is ended.
    update = {"seed": seed, "token_budget": 4 * plain.train.token_budget, "checkpoint_minutes": 0.03}
    train = plain.train.model_copy(update=update)
    return plain.model_copy(update={"name": NAME, "train": train})


def spec(seed: int = 77) -> ArtifactSpec:
    """The training, its inputs as the demo has left them."""
    store, inputs = open_store(), {}
    for record in store.lineage(find_report(load_recipe(project_root() / "configs" / "smoke-full-weight.yaml"), store)):
        if record.kind == "train":
            inputs = record.inputs
    return TRAIN.spec(recipe(seed).train, inputs)


@pytest.fixture(scope="module")
def played(stack: Stack) -> Iterator[Played]:
    # The module's own settings: `on_stack` is one test's.
    with pytest.MonkeyPatch.context() as environment, temporary_settings(updates={PREFECT_API_URL: stack.api}):
        environment.setenv("HINDSIGHT_STATE", str(stack.state))
        have_run(stack, "smoke-full-weight")
        yield play()


def play() -> Played:
    deploy(stages.train, "timed", "h100x8", {"HINDSIGHT_STAGE_HOURS": str(LIMIT_HOURS)})
    timed_out = finished(_send("train/timed", spec()), 240)
    left_by_time_out = _left(timed_out)

    parameters = {"recipe": recipe().model_dump(mode="json")}
    parent = run_deployment("leakage-premium/smoke-full-weight", parameters=parameters, timeout=0, as_subflow=False)
    train = until(lambda: [run for run in runs_of_step(NAME, "train") if state_of(run) is StateType.RUNNING])[0]
    second = _send("train/h100x8", spec(seed=78))
    until(lambda: len(processes_of(train.id, RANK)) >= N_RANKS and "train: step" in " ".join(lines_of(train)))
    seen = {_state_name(second)}
    _cancel(parent)
    cancelled_parent, cancelled_train = finished(parent), finished(train)
    left_by_cancel = _left(parent) + _left(train)
    _cancel(until(lambda: second if state_of(second) is StateType.RUNNING else None))
    second = finished(second)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(parent.id, Scheduled(name="AwaitingRetry"))
    until(lambda: state_of(parent) in {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED})
    checkpoint = open_store().find(spec())
    assert checkpoint is not None, lines_of(parent)
    return Played(
        timed_out=timed_out,
        left_by_time_out=left_by_time_out,
        cancelled_parent=cancelled_parent,
        cancelled_train=cancelled_train,
        left_by_cancel=left_by_cancel,
        second_while_first_ran=seen,
        second=second,
        retried=finished(parent),
        facts=dict(open_store().record(checkpoint).facts),
    )


def _send(deployment: str, wanted: ArtifactSpec) -> FlowRun:
    request = StageRequest("train", deployment, wanted, NAME)
    return run_deployment(deployment, parameters=request.parameters, timeout=0, as_subflow=False)


def _cancel(run: FlowRun) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Cancelling())


def _left(run: FlowRun) -> list[int]:
    """Processes that are there a moment after the run has ended; its supervisor goes last."""
    try:
        until(lambda: not processes_of(run.id), 20)
    except AssertionError:
        return [process.pid for process in processes_of(run.id)]
    return []


def _state_name(run: FlowRun) -> str:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id).state_name or ""


def test_a_stage_past_its_pools_limit_is_timed_out_and_no_process_of_it_lives_on(played: Played) -> None:
    assert played.timed_out.state_name == "TimedOut"
    assert played.left_by_time_out == []


def test_the_parents_cancel_ends_its_training_launcher_and_ranks_included(played: Played) -> None:
    assert (played.cancelled_parent.state_name, played.cancelled_train.state_name) == ("Cancelled", "Cancelled")
    assert played.left_by_cancel == []


def test_a_second_training_waits_for_the_node_of_eight_where_everybody_sees_it(played: Played) -> None:
    assert played.second_while_first_ran <= {"AwaitingConcurrencySlot", "Late", "Scheduled"}
    assert played.second.run_count == 1, "it had its turn when the node was free"


def test_what_was_ended_twice_goes_on_from_its_last_state_and_comes_to_its_end(played: Played) -> None:
    assert played.retried.state_name == "Completed", lines_of(played.retried)
    assert played.facts["resumed_from_step"] > 0
    assert played.facts["tokens_seen"] == recipe().train.token_budget
