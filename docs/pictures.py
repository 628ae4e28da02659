"""Takes the screenshots of docs/pictures from the running server and its store: `make pictures`. Needs Chromium.

A picture of something that was not run yet stays as it is, and the script says what to run.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

from deployments.address import Address
from flows.pipelines.registry import load, pipeline_of
from flows.status import find_result
from tasks.common.errors import HindsightError
from tasks.common.settings import state_dir
from tasks.live.line_page import read_line
from tasks.recipe import recipe_file
from tasks.report.line.page import write_line
from tasks.schemas.artifacts import Report
from tasks.store.store import Store, open_store

PICTURES = Path(__file__).with_name("pictures")
LADDER = str(state_dir() / "trained-ladder" / "ladder-0.2.yaml")
REPORTS = {"audit": "audit-smollm2", "report": "audit-smoke", "ladder": LADDER}
"""Recipe by picture."""
PARTS = {"ladder-tent": (LADDER, "Ladder of cutoffs"), "recall": ("probe-sotu", "Probe curve")}
"""Recipe by picture, and how the figures' titles begin that it shows."""
SMOKE, UPDATE, LINE = "leakage-premium/smoke", "live-update/live-forex-smoke", "forex-smoke"
QUIET = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
PAGE_MS = 90_000
"""The UI's first page took 43 s on a loaded machine."""


def main() -> int:
    """Take screenshots of runs and forms in the UI, of reports, and of a line's page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("hindsight: no Chromium on the PATH; install it, such as by `apt-get install chromium`.", file=sys.stderr)
        return 1
    store = open_store()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        _take(page, _in_the_ui(Address.from_environment()))
        page.set_viewport_size({"width": 1000, "height": 1400})
        _take(page, _pages(store, Path(folder)))
        for name, (recipe, title) in PARTS.items():
            _take(page, [(name, _report(recipe, store), f"hindsight run {recipe}")], title)
        browser.close()
    return 0


def _in_the_ui(address: Address) -> Iterator[tuple[str, str | None, str]]:
    """Name, URL if there is one, and what to run, of each picture of the UI."""
    for name, deployment in (("run", SMOKE), ("live-run", UPDATE)):
        run = _first_run(address, deployment)
        yield name, run and f"{address.ui}/runs/flow-run/{run}", f"hindsight follow {deployment}"
    form = f"{address.ui}/deployments/deployment/{_deployment(address, SMOKE)}"
    yield "form", f"{form}/run", ""
    yield "live-schedule", f"{address.ui}/deployments/deployment/{_deployment(address, UPDATE)}", ""


def _pages(store: Store, folder: Path) -> Iterator[tuple[str, str | None, str]]:
    """The same of each picture of a page that the project writes."""
    for name, recipe in REPORTS.items():
        yield name, _report(recipe, store), f"hindsight run {recipe}"
    try:
        line = write_line(read_line(store, LINE, datetime.now(UTC)), folder).as_uri()
    except HindsightError:
        line = None
    yield "live-page", line, "the commands of docs/live.md"


def _report(recipe: str, store: Store) -> str | None:
    try:
        return Report(store.fetch(find_result(pipeline_of(load(recipe_file(recipe))), store))).page.as_uri()
    except HindsightError:
        return None


def _first_run(address: Address, deployment: str) -> str | None:
    """Id of the first run that completed. Later ones find everything in the store and show an empty graph."""
    flow, name = deployment.split("/")
    wanted = {
        "flows": {"name": {"any_": [flow]}},
        "deployments": {"name": {"any_": [name]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
        "sort": "START_TIME_ASC",
        "limit": 1,
    }
    runs = httpx.post(f"{address.api}/flow_runs/filter", json=wanted, headers=address.headers).json()
    return str(runs[0]["id"]) if runs else None


def _deployment(address: Address, name: str) -> str:
    return str(httpx.get(f"{address.api}/deployments/name/{name}", headers=address.headers).json()["id"])


def _take(page: Page, wanted: Iterable[tuple[str, str | None, str]], title: str = "") -> None:
    for name, url, missing in wanted:
        if url is None:
            print(f"docs/pictures/{name}.png stays: it needs a run ({missing})")
            continue
        page.goto(url, timeout=PAGE_MS)
        # The run graph is drawn on a canvas after its data arrived; the page has no sign of that to wait for.
        page.wait_for_timeout(8_000)
        file = PICTURES / f"{name}.png"
        page.screenshot(path=file, full_page=bool(title), clip=_around(page, title) if title else None)
        # A third of the bytes, and no difference to the eye.
        Image.open(file).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)
        print(f"docs/pictures/{name}.png")


def _around(page: Page, title: str) -> FloatRect:
    """The part of the page with all figures whose title begins so."""
    found = page.locator(f'.gallery section:has(figure[aria-label^="{title}"])').all()
    boxes = [box for own in found if (box := own.bounding_box())]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right, bottom = (max(box[start] + box[size] for box in boxes) for start, size in (("x", "width"), ("y", "height")))
    return {"x": left - 16, "y": top, "width": right - left + 32, "height": bottom - top + 16}


if __name__ == "__main__":
    sys.exit(main())
