"""The question about money: a run that would exceed its limit pauses, asks, and does what it is told."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.artifacts import Artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.deployments import run_deployment
from prefect.states import Scheduled

from flows.runner.request import StageRequest
from tasks.common.settings import project_root
from tasks.panel.config import PanelConfig
from tasks.recipe import load_recipe
from tests.flows.budgeted import budgeted
from tests.flows.scheduled import started_runs
from tests.flows.stage_runs import deploy_again, finished, lines_of, panel_spec, until
from tests.flows.test_dispatch import runs_of
from tests.local_stack import Stack

pytestmark = pytest.mark.server

BILL = {"env": {"HINDSIGHT_PROVIDER": "vessl"}}


@pytest.fixture
def client(on_stack: Stack, priced_panel: str) -> SyncPrefectClient:
    """With a deployment of the small parent, whose pool pays the provider of the list."""
    with get_client(sync_client=True) as client:
        plain = client.read_deployment_by_name("panel/cpu")
        client.create_deployment(
            flow_id=client.create_flow(budgeted),
            name="cpu",
            work_pool_name="cpu",
            entrypoint="tests.flows.budgeted.budgeted",
            pull_steps=plain.pull_steps,
            job_variables=BILL,
        )
        yield client


@pytest.fixture
def billed_pipeline(client: SyncPrefectClient) -> str:
    """The pipeline with the bill of the list's provider, and a panel that nobody else has asked for."""
    recipe = load_recipe(project_root() / "configs" / "smoke.yaml").model_dump(mode="json")
    recipe["panel"]["seed"] = 861
    recipe |= {"name": "billed", "limits": {"max_dollars": 0}}
    return deploy_again("leakage-premium/smoke", "billed", "cpu", parameters={"recipe": recipe}, job_variables=BILL)


def start(seed: int, **limits: float) -> FlowRun:
    config = panel_spec(seed).config.model_dump(mode="json")
    parameters = {"config": config, "limits": limits}
    return run_deployment("budgeted/cpu", parameters=parameters, timeout=0, as_subflow=False)


def request(seed: int) -> StageRequest:
    spec = panel_spec(seed)
    assert isinstance(spec.config, PanelConfig)
    return StageRequest("panel", "panel/priced", spec, f"budgeted panel {seed}")


def question(client: SyncPrefectClient, run: FlowRun, n_asked: int = 1, seconds: float = 120) -> str:
    """The message of the n-th pause."""

    def paused() -> str | None:
        state = client.read_flow_run(run.id).state
        assert not state.is_final(), state.message
        states = [each for each in client.read_flow_run_states(run.id) if each.is_paused()]
        return states[-1].message if state.is_paused() and len(states) == n_asked else None

    return until(paused, seconds)


def test_the_question_is_asked_until_the_answer_is_enough_and_nothing_starts_before(client: SyncPrefectClient) -> None:
    declined, late = start(852, max_dollars=1), start(853, max_dollars=1, answer_hours=0.002)
    run = start(851, max_dollars=4)
    assert question(client, run) == (
        "panel on h100 would take $1.20 to $4.78; $0.00 are spent, stages under way may take $0.00 more: $4.78 in all, "
        "limit $4.00. Resume with a higher max_dollars, or with stop."
    )
    assert runs_of(request(851)) == []
    refused = client.resume_flow_run(run.id, run_input={"max_dollars": -5})
    assert refused.status == SetStateStatus.REJECT
    assert "minimum of 0" in str(refused.details)
    client.resume_flow_run(run.id, run_input={})
    assert "limit $4.00" in question(client, run, n_asked=2)
    assert runs_of(request(851)) == []
    client.resume_flow_run(run.id, run_input={"max_dollars": 5})

    assert "limit $1.00" in question(client, declined)
    client.resume_flow_run(declined.id, run_input={"max_dollars": 9, "stop": True})
    ended = finished(declined)
    assert ended.state_name == "Failed"
    assert "BudgetStop: stopped by the answer to: panel on h100 would take" in ended.state.message
    assert runs_of(request(852)) == []
    client.set_flow_run_state(declined.id, Scheduled(name="AwaitingRetry"))

    ended = finished(late)
    assert ended.state_name == "Failed", lines_of(late)
    assert "BudgetStop: nobody answered within 0.002 h, and panel on h100 would take" in ended.state.message
    assert runs_of(request(853)) == []

    assert finished(run).state_name == "Completed", lines_of(run)
    assert [each.state_name for each in runs_of(request(851))] == ["Completed"]

    # The retry goes on with what was answered, and asks no more.
    assert finished(declined).state_name == "Completed", lines_of(declined)
    assert len(runs_of(request(852))) == 1


@pytest.mark.trainer
@pytest.mark.slow
def test_the_pipeline_asks_before_its_first_rented_stage_and_tells_what_was_spent(
    client: SyncPrefectClient, billed_pipeline: str
) -> None:
    run = run_deployment(billed_pipeline, timeout=0, as_subflow=False)
    assert question(client, run, seconds=300).startswith(
        "embed base on h100 would take an unknown sum (no forecast); $0.00 are spent"
    )
    client.resume_flow_run(run.id, run_input={"stop": True})
    ended = finished(run)
    assert (ended.state_name, "BudgetStop: stopped by the answer to: embed base" in ended.state.message) == (
        "Failed",
        True,
    )
    tags = FlowRunFilterTags(all_=["recipe:billed", "stage:train"])
    assert client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=tags)) == []
    rows = {row["step"]: row for row in json.loads(Artifact.get("spend-billed").data)}
    assert rows["panel"]["what"] == "built"
    assert float(rows["panel"]["hours"]) > 0
    assert [rows[step]["what"] for step in ("embed base", "train", "merge", "report")] == [
        *("not started", "not started", "not reached", "not reached")
    ]
    assert rows["this run"]["dollars"] == "0.00"


MONTH = "budgets: [{name: month, tag: 'team:month', dollars: 1}]"


@pytest.fixture
def monthly(client: SyncPrefectClient, tmp_path: Path) -> str:
    """The small parent with a budget of its team's."""
    file = tmp_path / "budgets.yaml"
    file.write_text(MONTH)
    environment = BILL["env"] | {"HINDSIGHT_BUDGETS": str(file)}
    return deploy_again("budgeted/cpu", "monthly", "cpu", tags=["team:month"], job_variables={"env": environment})


def start_monthly(deployment: str, seed: int, person: str) -> FlowRun:
    parameters = {"config": panel_spec(seed).config.model_dump(mode="json"), "limits": {}}
    return run_deployment(deployment, parameters=parameters, tags=[f"by:{person}"], timeout=0, as_subflow=False)


@pytest.mark.slow
def test_a_months_budget_asks_and_names_who_spent_what(client: SyncPrefectClient, monthly: str) -> None:
    run = start_monthly(monthly, 871, "ada")
    assert question(client, run) == (
        "panel on h100 would exceed a budget of the month: budget month of runs with tag team:month has $1.00 in "
        f"{datetime.now(UTC):%Y-%m}, of which $0.00 are spent (by nobody); up to $4.78 would be added. Resume with "
        "exceed, or without it to end."
    )
    assert runs_of(request(871)) == []
    client.resume_flow_run(run.id, run_input={"exceed": True})
    assert finished(run).state_name == "Completed", lines_of(run)

    declined = start_monthly(monthly, 872, "grace")
    assert f"are spent (ada: $0.00 ({run.name})); up to $4.78 would be added" in question(client, declined)
    client.resume_flow_run(declined.id, run_input={})
    ended = finished(declined)
    assert ended.state_name == "Failed"
    assert (
        "BudgetStop: stopped by the answer: panel on h100 would exceed a budget of the month: budget month"
        in ended.state.message
    )
    assert runs_of(request(872)) == []


@pytest.mark.slow
def test_a_scheduled_run_that_would_exceed_a_months_budget_is_refused(client: SyncPrefectClient, monthly: str) -> None:
    found = client.read_deployment_by_name(monthly)
    parameters = {"config": panel_spec(873).config.model_dump(mode="json"), "limits": {}}
    every_minute = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(minutes=1)))
    deployment_id = client.create_deployment(
        flow_id=found.flow_id,
        name="scheduled",
        work_pool_name="cpu",
        entrypoint=found.entrypoint,
        pull_steps=found.pull_steps,
        tags=found.tags,
        job_variables=found.job_variables,
        parameters=parameters,
        schedules=[every_minute],
    )
    try:
        (run, *_) = until(lambda: started_runs(client, deployment_id))
        ended = finished(run)
        assert ended.state_name == "Failed"
        assert "Nobody watches this run, so it is refused; start it by hand to be asked." in ended.state.message
        assert runs_of(request(873)) == []
    finally:
        client.delete_deployment(deployment_id)
