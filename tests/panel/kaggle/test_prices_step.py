"""The prices step in the pipeline, and its effect on a panel's key."""

import pytest

from flows.pipelines.leakage_premium import leakage_premium_steps
from tasks.panel.config import ARTIFACT_TYPE as PANEL
from tasks.panel.config import CsvSource, JpxSource, PanelConfig, Sp500Source
from tasks.panel.kaggle.config import PricesConfig
from tasks.recipe import Recipe


@pytest.mark.parametrize(
    ("source", "prices"),
    [
        (JpxSource(), PricesConfig()),
        (JpxSource(sha256="a" * 64), PricesConfig(sha256="a" * 64)),
        (JpxSource(csv="/x"), None),
        (CsvSource(csv="/x"), None),
        (Sp500Source(), None),
    ],
    ids=["staged", "pinned", "path", "csv", "sp500"],
)
def test_prices_are_staged_before_the_panel_where_its_source_names_no_file(source, prices: PricesConfig | None) -> None:
    steps = {step.name: step for step in leakage_premium_steps(Recipe(name="x", panel=PanelConfig(source=source)))}
    assert ("prices" in steps) == (prices is not None)
    assert not prices or (steps["prices"].config, steps["prices"].inputs) == (prices, {})
    assert steps["panel"].inputs == ({"prices": "prices"} if prices else {})


def test_a_panels_key_from_a_path_is_what_it_was_before_prices_could_be_staged() -> None:
    identity = PanelConfig(source=JpxSource(csv="/data/stock_prices.csv")).identity()
    assert identity["source"] == {"csv": "/data/stock_prices.csv", "sha256": None, "kind": "jpx"}
    assert PANEL.spec(PanelConfig(source=JpxSource(csv="/x"))).key == "bb1f8bc5dfb889f2"
