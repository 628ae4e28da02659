"""A real browser in Prefect's UI, as a person uses it: fill the form, press the buttons, read the answer.

The first UI (v1) is driven by its labels and buttons; its pages stand at paths without a version.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect, sync_playwright

from tests.local_stack import Stack

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
PAGE_MS = 120_000
"""The UI's first page has taken 43 s on a loaded machine."""


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser of its own; the test is skipped where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on the PATH; `make browser` installs Debian's")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1360, "height": 1000})
        page.set_default_timeout(PAGE_MS)
        try:
            yield page
        finally:
            browser.close()


def open_form(page: Page, stack: Stack, deployment: str) -> None:
    """The form of a custom run of a deployment such as `leakage-premium/smoke`."""
    deployment_id = httpx.get(f"{stack.api}/deployments/name/{deployment}").json()["id"]
    page.goto(f"http://127.0.0.1:{stack.port}/deployments/deployment/{deployment_id}/run")
    # The parameters come after the rest of the page.
    expect(page.locator("label").filter(has_text="Validate parameters")).to_be_visible(timeout=PAGE_MS)


def field(page: Page, *labels: str) -> Locator:
    """An input of the form by the labels that lead to it, such as `Premium`, `N Draws`; the first such after them."""
    place = page.locator("label").filter(has_text=_begins(labels[0])).first
    for label in labels[1:]:
        place = place.locator("xpath=following::label").filter(has_text=_begins(label)).first
    return place.locator("xpath=following::*[self::input or self::textarea]").first


def _begins(label: str) -> re.Pattern[str]:
    return re.compile(rf"^\s*{re.escape(label)}\b")


def fill(place: Locator, value: str) -> None:
    """Write a value and leave the field, as a person does."""
    place.fill(value)
    place.press("Tab")


def submit(page: Page) -> None:
    """Press Submit."""
    page.get_by_role("button", name="Submit").click()


def submit_run(page: Page) -> None:
    """Press Submit until the form has gone: on a server's very first page a press was seen to do nothing at all."""
    for _ in range(3):
        submit(page)
        try:
            page.wait_for_url(lambda address: not address.endswith("/run"), timeout=30_000)
            return
        except TimeoutError:
            continue
    raise AssertionError("the form stands after three presses of Submit")


def retry(page: Page, stack: Stack, run_id: object) -> None:
    """Press Retry on a run's page, and again in the dialog that asks."""
    page.goto(f"http://127.0.0.1:{stack.port}/runs/flow-run/{run_id}")
    page.get_by_role("button", name="Retry").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
