"""Takes the screenshots of docs/live.md: `make live-pictures`. Needs Chromium; starts its own server.

A small line is updated by a run through the server, with a real training; then the UI shows its state and its looks.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.flows.browser import browser_page
from tests.flows.stage_runs import finished, send
from tests.live.small_live import prepared, recipe, write_outcomes
from tests.local_stack import Stack, local_stack

PICTURES = Path(__file__).with_name("pictures")
UPDATE = "live-update/live-forex-smoke"
SIZE: ViewportSize = {"width": 1200, "height": 640}
SECONDS = 1_800.0


def main() -> int:
    """Update a line once, and take a picture of the run, of the table of looks, and of the schedule's switch."""
    with (
        tempfile.TemporaryDirectory() as state,
        local_stack(Path(state)) as stack,
        temporary_settings(updates={PREFECT_API_URL: stack.api}),
    ):
        os.environ["HINDSIGHT_STATE"] = state
        shutil.copytree(prepared(), stack.store, dirs_exist_ok=True)
        own = recipe(write_outcomes(Path(state) / "desk", ("2026-05-01", 0.01)))
        run = finished(send(UPDATE, {"recipe": own.model_dump(mode="json", exclude_unset=True)}), SECONDS)
        print(run.state)
        with get_client(sync_client=True) as client:
            (looks,) = (found for found in client.read_artifacts() if found.key == "looks-small")
            deployment = client.read_deployment_by_name(UPDATE)
        with browser_page() as page:
            page.set_viewport_size(SIZE)
            _picture(page, stack, f"runs/flow-run/{run.id}", "live-update")
            _picture(page, stack, f"artifacts/artifact/{looks.id}", "live-looks")
            _picture(page, stack, f"deployments/deployment/{deployment.id}", "live-switch")
    return 0


def _picture(page: Page, stack: Stack, path: str, name: str) -> None:
    page.goto(f"{stack.api.removesuffix('/api')}/{path}")
    # The page has no sign to wait for once its data is shown.
    page.wait_for_timeout(8_000)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/pictures/{name}.png", flush=True)


if __name__ == "__main__":
    sys.exit(main())
