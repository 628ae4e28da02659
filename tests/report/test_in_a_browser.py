"""The page as a browser shows it: on a desktop and a phone, light and dark, and on paper."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import ConsoleMessage
from playwright.sync_api import Page as Tab

from tasks.report.build import write_report
from tasks.report.config import ReportConfig
from tasks.report.line.page import write_line
from tasks.schemas.artifacts import Report
from tests.flows.browser import browser_page
from tests.report.sample_line import made_line
from tests.report.sample_robust import HEAVY, made_robust, with_placebo
from tests.report.test_ladder_section import made_ladder

DESKTOP, PHONE, PAPER = 1280, 380, 680
"""Pixels; the last is the width of A4 between its margins."""
MIN_CONTRAST = 4.5
"""Source: Web Content Accessibility Guidelines 2.2, success criterion 1.4.3, level AA."""
OVERFLOWING = """() => {
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll('table, svg, p, h1, h2, h3, li, section, dl')].filter(own => {
    const scroller = own.closest('.wide');
    const box = (scroller || own).getBoundingClientRect();
    const isScrollable = scroller && getComputedStyle(scroller).overflowX === 'auto';
    return box.right > width + 1 || (!isScrollable && own.getBoundingClientRect().right > width + 1);
  }).map(own => own.tagName + ': ' + own.textContent.trim().slice(0, 60));
}"""
LOW_CONTRAST = """(least) => {
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const backgroundOf = own => {
    for (let at = own; at; at = at.parentElement) {
      const found = numbers(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const bad = new Set();
  for (const own of document.querySelectorAll('body *')) {
    if (own.closest('style') || ![...own.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const style = getComputedStyle(own);
    const colour = numbers(own.closest('svg') ? style.fill : style.color);
    const [one, other] = [luminance(colour), luminance(backgroundOf(own))].sort((x, y) => y - x);
    const contrast = (one + .05) / (other + .05);
    if (!(contrast >= least)) bad.add(own.tagName + '.' + own.getAttribute('class') + ' ' + contrast.toFixed(2));
  }
  return [...bad];
}"""
DEAD_ANCHORS = """() => [...document.querySelectorAll('a[href^="#"]')]
  .map(own => own.getAttribute('href').slice(1)).filter(id => !document.getElementById(id))"""
BARE_FIGURES = """() => [...document.querySelectorAll('.gallery section')].filter(own =>
  !own.querySelector('svg') || !own.querySelector('details tbody tr') || !own.querySelector('.source a')
  || !/\\d/.test(own.querySelector('.source').textContent)).map(own => own.querySelector('h3').textContent)"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser_page() as page:
        yield page


@pytest.fixture
def opened(tab: Tab, write_inputs, records, make_record, recall_dir, read_only) -> Tab:
    """The sample run's page, with a placebo, heavy tails, a ladder, recall and all sections, in the browser."""
    if not Report(read_only).page.exists():
        robust = with_placebo(tails=HEAVY, ladders={"chrono": made_ladder(0.2)})
        folders = write_inputs(robust=robust) | {"recall": recall_dir}
        n_columns = 1 + 3 * 4 * 6
        two_way = np.random.default_rng(1).normal(0.01, 0.02, size=(robust.n_kept_draws, n_columns))
        np.save(folders["premium"] / "two_way.npy", two_way)
        write_report(ReportConfig(plumbing_only=True), folders, [*records, make_record("recall")], read_only)
    tab.emulate_media(media="screen", color_scheme="light")
    tab.goto(Report(read_only).page.as_uri())
    return tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_is_cut_off_and_all_text_is_readable(opened, width, scheme):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme=scheme)
    # Whether the scheme took effect at all: dark paper is darker than dark ink.
    paper, ink = opened.evaluate(
        "['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name].match(/\\d+/g).map(Number)[0])"
    )
    assert (paper < ink) is (scheme == "dark")
    opened.evaluate("document.querySelectorAll('details').forEach(own => own.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate(OVERFLOWING) == []
    assert opened.evaluate(LOW_CONTRAST, MIN_CONTRAST) == []


def test_on_paper_nothing_is_cut_off_and_closed_tables_are_printed(opened, tmp_path):
    opened.set_viewport_size({"width": PAPER, "height": 900})
    opened.emulate_media(media="print", color_scheme="dark")
    assert opened.evaluate(OVERFLOWING) == []
    # Paper is white, whatever the screen is set to.
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.evaluate(LOW_CONTRAST, MIN_CONTRAST) == []
    heights = "[...document.querySelectorAll('details table')].map(own => own.getBoundingClientRect().height)"
    assert min(opened.evaluate(heights)) > 0
    assert opened.pdf(format="A4").startswith(b"%PDF")


def test_every_link_has_its_target_and_every_figure_its_table_rows_and_artifact(opened):
    assert opened.evaluate(DEAD_ANCHORS) == []
    assert opened.evaluate(BARE_FIGURES) == []
    assert opened.locator(".gallery section").count() >= 13
    ids = opened.evaluate(
        "[...document.querySelectorAll('[id]')].filter(own => !own.closest('defs')).map(own => own.id)"
    )
    assert len(ids) == len(set(ids))


def test_a_desktop_has_figures_side_by_side_and_the_contents_beside_the_text(opened):
    opened.set_viewport_size({"width": 1700, "height": 900})
    first, second = (opened.locator(".gallery section").nth(place).bounding_box() for place in (0, 1))
    assert (first["y"], first["x"] < second["x"]) == (second["y"], True)
    contents, text = (opened.locator(name).bounding_box() for name in (".contents", "main"))
    assert contents["x"] + contents["width"] <= text["x"]
    assert text["width"] > 1200
    assert opened.locator(".contents a").first.is_visible()
    opened.set_viewport_size({"width": PHONE, "height": 900})
    verdict = opened.locator(".finding").first.bounding_box()
    assert verdict["y"] < 900, "the verdict begins on the phone's first screen"


def test_the_browser_has_no_complaint_and_loads_one_file(tab, write, tmp_path):
    complaints: list[str] = []
    requests: list[str] = []

    def note(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    write(robust=made_robust())
    page = Path(Report(tmp_path).page)
    tab.on("console", note)
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page.as_uri())
    tab.wait_for_load_state("networkidle")
    assert (complaints, requests) == ([], [page.as_uri()])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_page_of_a_line_is_readable(tab, tmp_path, width, scheme):
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(media="screen", color_scheme=scheme)
    tab.goto(write_line(made_line(), tmp_path).as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(own => own.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(OVERFLOWING) == []
    assert tab.evaluate(LOW_CONTRAST, MIN_CONTRAST) == []
    assert tab.evaluate(DEAD_ANCHORS) == []
