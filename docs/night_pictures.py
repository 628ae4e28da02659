"""Takes the screenshots of docs/operate.md: `make night-pictures`. Needs Chromium; starts its own server.

They show a bad value in the form, a run whose merge is killed, and a run that asks before it spends too much.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.common.settings import project_root
from tasks.recipe import Recipe, load_recipe
from tests.flows.browser import browser_page, field, fill, open_form, submit
from tests.flows.live_processes import kill_run
from tests.flows.stage_runs import finished, runs_of_step, send, state_of, until
from tests.local_stack import Stack, local_stack

PICTURES = Path(__file__).with_name("pictures")
SMOKE = "leakage-premium/smoke"


def main() -> int:
    """Play the three scenes and take their screenshots."""
    with (
        tempfile.TemporaryDirectory() as state,
        local_stack(Path(state), {"HINDSIGHT_PROVIDER": "vessl"}) as stack,
        temporary_settings(updates={PREFECT_API_URL: stack.api}),
        browser_page() as page,
    ):
        followed = stack.local("follow", SMOKE)
        if followed.returncode:
            print(followed.stdout + followed.stderr, file=sys.stderr)
            return 1
        _bad_value(page, stack)
        _failed_merge(page, stack)
        _question(page, stack)
    return 0


def _bad_value(page: Page, stack: Stack) -> None:
    open_form(page, stack, SMOKE)
    entry = field(page, "Premium", "N Draws")
    fill(entry, "1")
    submit(page)
    page.get_by_text("less than the minimum").first.wait_for()
    entry.scroll_into_view_if_needed()
    # The message fades in.
    page.wait_for_timeout(1_500)
    page.screenshot(path=PICTURES / "bad-value.png")
    print("docs/pictures/bad-value.png")


def _failed_merge(page: Page, stack: Stack) -> None:
    recipe = _smoke()
    merge = recipe.merge.model_copy(update={"shard_gigabytes": 4.0})
    run = _send(recipe.model_copy(update={"name": "retry-me", "merge": merge}))
    kill_run(until(lambda: runs_of_step("retry-me", "merge"), 120)[0].id)
    finished(run)
    _open(page, stack, run)
    page.get_by_role("button", name="Retry").first.click()
    page.get_by_role("dialog").wait_for()
    _screenshot(page, "retry")


def _question(page: Page, stack: Stack) -> None:
    recipe = _smoke()
    asked = recipe.model_copy(
        update={
            "name": "asks-first",
            "train": recipe.train.model_copy(update={"learning_rate": 3e-3}),
            "limits": recipe.limits.model_copy(update={"max_dollars": 0.0}),
        }
    )
    run = _send(asked)
    until(lambda: state_of(run) is StateType.PAUSED, 180)
    _open(page, stack, run)
    page.get_by_role("button", name="Resume").first.click()
    page.get_by_role("dialog").wait_for()
    _screenshot(page, "budget")


def _open(page: Page, stack: Stack, run: FlowRun) -> None:
    page.goto(f"{_ui(stack)}/runs/flow-run/{run.id}")


def _ui(stack: Stack) -> str:
    return stack.api.removesuffix("/api")


def _smoke() -> Recipe:
    return load_recipe(project_root() / "configs" / "smoke.yaml")


def _send(recipe: Recipe) -> FlowRun:
    return send(SMOKE, {"recipe": recipe.model_dump(mode="json")})


def _screenshot(page: Page, name: str) -> None:
    # The page has no sign to wait for once its data is shown.
    page.wait_for_timeout(5_000)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/pictures/{name}.png", flush=True)


if __name__ == "__main__":
    sys.exit(main())
