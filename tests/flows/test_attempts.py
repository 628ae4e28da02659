"""What a stage's attempts took, read from Prefect: made-up histories first, then a real run that was killed."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import State, StateDetails, StateType

from flows.runner.dispatcher import StageFailed, dispatch
from flows.runner.request import StageRequest
from flows.server.attempts import pool_tag, stays_of
from flows.server.locks import artifact_lock
from tasks.store.store import open_store
from tests.flows.stage_runs import panel_spec, until
from tests.flows.test_dispatch import kill_process_of, runs_of
from tests.waiting import GENEROUS_SECONDS

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
RUN = FlowRun(id=uuid4(), flow_id=uuid4(), work_pool_name="h100")


def history(*states: tuple[float, StateType]) -> list[State]:
    """Seconds after noon and what began then; what was planned was due a minute after noon."""
    due = StateDetails(scheduled_time=NOON + timedelta(seconds=60))
    return [State(type=kind, timestamp=NOON + timedelta(seconds=after), state_details=due) for after, kind in states]


S = StateType


def test_a_run_pays_from_running_to_its_end_and_waits_from_when_it_was_due() -> None:
    states = history((0, S.SCHEDULED), (90, S.SCHEDULED), (100, S.PENDING), (110, S.RUNNING), (410, S.COMPLETED))
    (stay,) = stays_of(RUN, list(reversed(states)))
    assert (stay.pool, stay.queued_seconds, stay.outcome) == ("h100", 50, "completed")
    assert stay.seconds(NOON) == 300


def test_a_run_that_was_retried_had_a_machine_twice() -> None:
    states = history(
        *((0, S.SCHEDULED), (60, S.RUNNING), (160, S.CRASHED)),
        *((1_000, S.SCHEDULED), (1_015, S.PENDING), (1_030, S.RUNNING)),
    )
    first, second = stays_of(RUN, states)
    assert (first.seconds(NOON), first.outcome, first.queued_seconds) == (100, "failed", 0)
    # What lies between is nobody's waiting: the run had ended.
    assert (second.queued_seconds, second.outcome, second.ended) == (30, "live", None)
    assert second.seconds(NOON + timedelta(seconds=1_130)) == 100


def test_a_cancelled_run_has_its_machine_until_its_processes_are_gone() -> None:
    states = history((0, S.SCHEDULED), (60, S.RUNNING), (90, S.CANCELLING), (114, S.CANCELLED))
    (stay,) = stays_of(RUN, states)
    assert (stay.seconds(NOON), stay.outcome) == (54, "failed")


@pytest.mark.parametrize("last", [S.PENDING, S.CRASHED, S.CANCELLED])
def test_a_run_that_never_had_a_machine_has_cost_nothing(last: StateType) -> None:
    assert stays_of(RUN, history((0, S.SCHEDULED), (80, last))) == []


def test_a_run_inside_another_process_has_the_machine_its_tag_names() -> None:
    states = history((0, S.PENDING), (60, S.RUNNING), (61, S.COMPLETED))
    inside = RUN.model_copy(update={"work_pool_name": None, "tags": [pool_tag("cpu")]})
    assert [stay.pool for stay in stays_of(inside, states)] == ["cpu"]
    assert [stay.pool for stay in stays_of(inside.model_copy(update={"tags": []}), states)] == [None]


@pytest.mark.server
def test_a_stage_killed_once_and_built_at_the_second_attempt_records_both(priced_panel: str) -> None:
    spec = panel_spec(801)
    request = StageRequest("panel", priced_panel, spec, "test: panel 801")
    # Held by somebody else, so that the first attempt is on its machine, waiting, when it is killed.
    with artifact_lock(spec), ThreadPoolExecutor(1) as parent:
        attempt = parent.submit(copy_context().run, dispatch, request, open_store())
        until(lambda: any(run.state.is_running() for run in runs_of(request)))
        kill_process_of(request)
        with pytest.raises(StageFailed, match="ended Crashed"):
            attempt.result(timeout=GENEROUS_SECONDS)
    spent = open_store().record(dispatch(request, open_store())).spent
    assert (spent.pool, spent.provider, spent.dollars_per_hour) == ("h100", "vessl", 2.39)
    assert (spent.unknown, spent.queued_seconds > 0) == ("", True)
    assert spent.seconds > 0
    assert (spent.failed.n, spent.failed.seconds > 0, spent.failed.queued_seconds > 0) == (1, True, True)
    assert spent.failed.dollars == pytest.approx(2.39 * spent.failed.seconds / 3_600, abs=1e-6)
    assert spent.dollars == pytest.approx(2.39 * (spent.seconds + spent.failed.seconds) / 3_600, abs=2e-6)
