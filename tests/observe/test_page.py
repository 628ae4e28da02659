"""The page for somebody without Grafana."""

import re
from pathlib import Path

import pytest

from flows.observe.page import dollars, render, render_problem
from flows.observe.spend import PoolSpend
from tests.flows.browser import browser_page
from tests.observe.snapshots import snapshot


def test_it_shows_stages_queue_pools_and_dollars() -> None:
    html = render(snapshot())
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("</style>")[1]))
    for shown in (
        "letters: train h100 30 min step 40 of 200, loss 2.2500 2,950 tokens/s, MFU 3.1 % 60 min 61.25 GB",
        "upload merge/letters/0123: 3.00 GB of 12.00 GB 45.0 MB/s 3 min",
        "letters: embed base h100 pending 5 min",
        "h100 not ready 0 1 1 1",
        "Spent today $1.25",
        "Spent this month $25.00 since 2026-12-01; 2.0 h without a price",
    ):
        assert shown in text, text


def test_a_name_is_text_and_nothing_is_loaded_from_elsewhere() -> None:
    html = render(snapshot())
    assert "<b>mine" not in html
    assert "&lt;b&gt;mine&lt;/b&gt;: merge (cancelling)" in html
    assert not re.search(r"""(src|href)=["']https?://""", html)


def test_unknown_dollars_are_not_zero_dollars() -> None:
    assert dollars([]) == "$0.00"
    assert dollars([PoolSpend("cpu", 60.0, None)]) == "$0.00 and 60 s without a price"


def test_a_problem_is_said_and_no_figure_is_shown() -> None:
    html = render_problem("now", "the server is <away>.")
    assert "the server is &lt;away&gt;." in html
    assert "Spent" not in html


@pytest.mark.parametrize("width", [1280, 380])
def test_nothing_is_wider_than_the_window(tmp_path: Path, width: int) -> None:
    file = tmp_path / "page.html"
    file.write_text(render(snapshot()))
    with browser_page() as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_by_role("table").count() == 4
        page.screenshot(path=tmp_path / f"page-{width}.png", full_page=True)
