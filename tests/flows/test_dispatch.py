"""Retries find what is alive or done: the dispatch against a real server, real workers, real runs."""

import dataclasses
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import psutil
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags

from flows.runner import dispatcher as dispatching
from flows.runner import retries
from flows.runner.dispatcher import StageFailed, dispatch
from flows.runner.request import StageRequest
from tasks.corpus.errors import SourceUnreachable
from tasks.panel.config import ARTIFACT_TYPE, PanelConfig
from tasks.store.errors import StoreRefused, StoreUnreachable
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.local_stack import Stack
from tests.waiting import GENEROUS_SECONDS

pytestmark = pytest.mark.server


def request(seed: int, deployment: str = "panel/cpu") -> StageRequest:
    """A panel nobody else asks for."""
    spec = ARTIFACT_TYPE.spec(PanelConfig(n_stocks=3, dates_per_stock=60, seed=seed))
    return StageRequest("panel", deployment, spec, f"test: panel {seed}")


def runs_of(wanted: StageRequest) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[wanted.artifact_tag])))


def submit(parent: ThreadPoolExecutor, wanted: StageRequest) -> "Future[ArtifactRef]":
    """Dispatch in a thread; Prefect's settings are context variables, which a thread does not inherit."""
    return parent.submit(copy_context().run, dispatch, wanted, open_store())


def test_two_parents_that_want_the_same_artifact_share_one_run(on_stack: Stack) -> None:
    wanted = request(101)
    with ThreadPoolExecutor(2) as parents:
        first, second = [submit(parents, wanted) for _ in range(2)]
    assert first.result() == second.result()
    assert len(runs_of(wanted)) == 1
    assert dispatch(wanted, open_store()) == first.result()
    assert len(runs_of(wanted)) == 1


@pytest.mark.parametrize("step", ["find", "runs_tagged"])
def test_a_parent_that_is_late_by_a_whole_stage_shares_the_run_that_has_ended(
    on_stack: Stack, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    wanted = request(107 if step == "find" else 108)
    look = getattr(dispatching, step)

    def late(*arguments: Any) -> Any:
        """What this parent sees, when another one's run has begun and ended since."""
        monkeypatch.setattr(dispatching, step, look)
        seen = look(*arguments)
        assert not seen
        dispatch(wanted, open_store())
        return seen

    monkeypatch.setattr(dispatching, step, late)
    assert dispatch(wanted, open_store()) == open_store().find(wanted.spec)
    assert [run.state_name for run in runs_of(wanted)] == ["Completed"]


def test_a_killed_run_fails_its_parent_and_a_retry_starts_a_new_one(on_stack: Stack) -> None:
    wanted = request(102)
    with ThreadPoolExecutor(1) as parent:
        attempt = submit(parent, wanted)
        kill_process_of(wanted)
        with pytest.raises(StageFailed, match=r"panel: run 'test: panel 102' on panel/cpu ended Crashed"):
            attempt.result(timeout=GENEROUS_SECONDS)
    assert dispatch(wanted, open_store()).kind == "panel"
    assert sorted(run.state_name for run in runs_of(wanted)) == ["Completed", "Crashed"]


def test_a_killed_run_is_sent_again_by_the_same_parent_if_its_recipe_allows_retries(
    on_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0.0)
    wanted = dataclasses.replace(request(106), n_retries=1)
    with ThreadPoolExecutor(1) as parent:
        attempt = submit(parent, wanted)
        kill_process_of(wanted)
        assert attempt.result(timeout=GENEROUS_SECONDS).kind == "panel"
    assert sorted(run.state_name for run in runs_of(wanted)) == ["Completed", "Crashed"]


def test_a_refusal_is_final_however_many_retries_there_are(on_stack: Stack) -> None:
    spec = ARTIFACT_TYPE.spec(PanelConfig(n_stocks=3, dates_per_stock=4, test_from="2030-01-02"))
    wanted = StageRequest("panel", "panel/cpu", spec, "test: panel too short, with retries", n_retries=3)
    with pytest.raises(StageFailed, match="EmptySplit"):
        dispatch(wanted, open_store())
    assert [run.state_name for run in runs_of(wanted)] == ["Failed"]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (StoreUnreachable("s3://bucket gave no complete answer"), True),
        (SourceUnreachable("the hub does not answer"), True),
        (StoreRefused("no such bucket", code="NoSuchBucket"), False),
        (ValueError("StoreUnreachable: in the words of another error"), False),
    ],
    ids=["store away", "source away", "store refuses", "another error"],
)
def test_a_server_that_is_away_can_pass_and_one_that_refuses_cannot(
    on_stack: Stack, error: Exception, passes: bool
) -> None:
    @flow
    def ends() -> None:
        raise error

    run_id = ends(return_state=True).state_details.flow_run_id
    with get_client(sync_client=True) as client:
        assert retries.may_pass(client.read_flow_run(run_id)) is passes


def kill_process_of(wanted: StageRequest) -> None:
    """SIGKILL the run's process as soon as there is one."""
    deadline = time.monotonic() + GENEROUS_SECONDS
    while time.monotonic() < deadline:
        for run in runs_of(wanted):
            for process in psutil.process_iter(["environ"]):
                if str(run.id) in (process.info["environ"] or {}).values():
                    process.kill()
                    return
        time.sleep(0.05)
    raise AssertionError("the run's process never appeared")


def test_a_completed_run_without_its_artifact_counts_as_failed(
    on_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "find", lambda store, spec: None)
    with pytest.raises(StageFailed, match=r"completed, yet panel/sp500-3x60/\w+ is not in .* the same store\?"):
        dispatch(request(103), open_store())


def test_a_failed_stages_own_sentence_reaches_the_parent(on_stack: Stack) -> None:
    spec = ARTIFACT_TYPE.spec(PanelConfig(n_stocks=3, dates_per_stock=4, test_from="2030-01-01"))
    with pytest.raises(StageFailed, match=r"EmptySplit: .*2030-01-01.*ends on 2022-12-"):
        dispatch(StageRequest("panel", "panel/cpu", spec, "test: panel too short"), open_store())


def test_an_unknown_deployment_is_named(on_stack: Stack) -> None:
    with pytest.raises(StageFailed, match=r"needs deployment panel/moon.*deploy --all"):
        dispatch(request(104, "panel/moon"), open_store())


def test_a_parent_says_why_a_stage_waits(on_stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    monkeypatch.setattr(dispatching, "LOG_EVERY_SECONDS", 0.0)
    with caplog.at_level("INFO", "flows.runner.dispatcher"):
        dispatch(request(105), open_store())
    assert any("panel: waits in pool cpu (no limit, pool is ready)" in message for message in caplog.messages)


def test_the_node_of_eight_takes_one_train_run_at_a_time(on_stack: Stack) -> None:
    with get_client(sync_client=True) as client:
        limits = {name: client.read_work_pool(name).concurrency_limit for name in ("cpu", "h100", "h100x8")}
        deployment = client.read_deployment_by_name("train/h100x8")
    assert limits == {"cpu": None, "h100": 1, "h100x8": 1}
    assert deployment.work_pool_name == "h100x8"
    assert deployment.global_concurrency_limit.limit == 1
