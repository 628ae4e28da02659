"""Takes the screenshots of docs/pictures from the running demo: `make pictures`. Needs Chromium.

The audit's page is taken if `hindsight demo audit-smollm2` has run.
"""

import shutil
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from deployments.address import Address
from flows.pipelines.registry import load, pipeline_of
from flows.status import find_result
from tasks.recipe import recipe_file
from tasks.schemas.artifacts import Report
from tasks.store.errors import ArtifactMissing
from tasks.store.store import open_store

PICTURES = Path(__file__).with_name("pictures")
REPORTS = {"audit": "audit-smollm2", "report": "audit-smoke"}
"""Recipe by picture."""
QUIET = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
PAGE_MS = 90_000
"""The UI's first page took 43 s on a loaded machine."""


def main() -> int:
    """Take screenshots of the first run in the UI, the form of a custom run, and the audit's report."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("hindsight: no Chromium on the PATH; install it, such as by `apt-get install chromium`.", file=sys.stderr)
        return 1
    address = Address.from_environment()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.goto(f"{address.ui}/runs/flow-run/{_first_run(address)}", timeout=PAGE_MS)
        _screenshot(page, "run")
        page.goto(f"{address.ui}/deployments/deployment/{_smoke(address)}/run", timeout=PAGE_MS)
        _screenshot(page, "form")
        page.set_viewport_size({"width": 1000, "height": 1400})
        store = open_store()
        for name, recipe in REPORTS.items():
            try:
                found = find_result(pipeline_of(load(recipe_file(recipe))), store)
            except ArtifactMissing:
                print(f"docs/pictures/{name}.png stays: the store has no report of {recipe} (hindsight demo {recipe})")
                continue
            page.goto(Report(store.fetch(found)).page.as_uri())
            _screenshot(page, name)
        browser.close()
    return 0


def _first_run(address: Address) -> str:
    """Id of the first smoke run. Later runs find everything in the store and show an empty graph."""
    wanted = {"flows": {"name": {"any_": ["leakage-premium"]}}, "sort": "START_TIME_ASC", "limit": 1}
    runs = httpx.post(f"{address.api}/flow_runs/filter", json=wanted).json()
    return str(runs[0]["id"])


def _smoke(address: Address) -> str:
    return str(httpx.get(f"{address.api}/deployments/name/leakage-premium/smoke").json()["id"])


def _screenshot(page: Page, name: str) -> None:
    # The run graph is drawn on a canvas after its data arrived; the page has no sign of that to wait for.
    page.wait_for_timeout(8_000)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    sys.exit(main())
