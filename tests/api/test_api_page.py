"""docs/api.md names every public name, and its examples run in their order."""

import re

import numpy as np
import pytest

import hindsight
from hindsight import PanelConfig, PlantedSource, build_panel
from tasks.common.settings import project_root

PAGE = project_root() / "docs" / "api.md"


def test_every_public_name_is_on_the_page():
    named = set(re.findall(r"`(\w+)", PAGE.read_text()))
    assert set(hindsight.__all__) - named == set()


def test_the_examples_run_and_find_what_they_say():
    labels = build_panel(PanelConfig(source=PlantedSource(n_stocks=8), dates_per_stock=40)).rows
    rng = np.random.default_rng(0)
    names = {"labels": labels, "columns": rng.normal(size=(len(labels), 2)), "target": labels["target"]}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102
    for fit in ("unscaled", "standardized"):
        lookahead = names["measured"].difference("knows", "guesses").fits[fit].lookahead
        assert lookahead.point == pytest.approx(0.3, abs=0.05)
        assert lookahead.interval[0] > 0.2
