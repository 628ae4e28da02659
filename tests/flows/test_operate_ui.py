"""The same by a person's hands: a custom run, a bad value, and the retry of a run whose merge failed, in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.objects import StateType

from tasks.common.settings import project_root
from tasks.recipe import load_recipe
from tests.flows.browser import PAGE_MS, browser_page, field, fill, open_form, retry, submit, submit_run
from tests.flows.live_processes import kill_run
from tests.flows.stage_runs import finished, have_run, lines_of, runs_of_step, send, state_of, until
from tests.local_stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.trainer]


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


@pytest.fixture(autouse=True)
def demo(stack: Stack) -> None:
    """What the demo leaves in the store, so that only what is changed runs."""
    have_run(stack, "smoke")


def named(name: str) -> FlowRun:
    with get_client(sync_client=True) as client:
        wanted = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        return until(lambda: client.read_flow_runs(flow_run_filter=wanted))[0]


def test_a_bad_value_is_refused_with_its_bound(on_stack: Stack, page: Page) -> None:
    open_form(page, on_stack, "leakage-premium/smoke")
    fill(field(page, "Premium", "N Draws"), "1")
    submit(page)
    expect(page.get_by_text("1 is less than the minimum of 10").first).to_be_visible(timeout=PAGE_MS)


def test_a_changed_value_runs_what_depends_on_it(on_stack: Stack, page: Page) -> None:
    open_form(page, on_stack, "leakage-premium/smoke")
    fill(field(page, "recipe", "Name"), "by-hand")
    fill(field(page, "Premium", "N Draws"), "120")
    submit_run(page)
    run = finished(named("by-hand"))
    assert run.state_name == "Completed", lines_of(run)
    assert run.parameters["recipe"]["premium"]["n_draws"] == 120
    started = {step: len(runs_of_step("by-hand", step)) for step in ("corpus", "panel", "train", "premium", "report")}
    # The report names preflight's checks, and preflight checks the whole recipe.
    assert started == {"corpus": 0, "panel": 0, "train": 0, "premium": 1, "report": 1}


def test_a_run_whose_merge_failed_is_retried_by_a_click_and_train_is_not_started_again(
    on_stack: Stack, page: Page
) -> None:
    smoke = load_recipe(project_root() / "configs" / "smoke.yaml")
    merge = smoke.merge.model_copy(update={"shard_gigabytes": 4.0})
    recipe = smoke.model_copy(update={"name": "clicked", "merge": merge}).model_dump(mode="json")
    run = send("leakage-premium/smoke", {"recipe": recipe})
    kill_run(until(lambda: runs_of_step("clicked", "merge"))[0].id)
    assert finished(run).state_name == "Failed"
    n_trained = len(runs_of_step("smoke", "train"))
    retry(page, on_stack, run.id)
    until(lambda: state_of(run) is not StateType.FAILED)
    assert finished(run).state_name == "Completed", lines_of(run)
    assert sorted(str(found.state_name) for found in runs_of_step("clicked", "merge")) == ["Completed", "Crashed"]
    assert (len(runs_of_step("smoke", "train")), len(runs_of_step("clicked", "train"))) == (n_trained, 0)
