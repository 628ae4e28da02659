"""The example of docs/tables.md runs as it is written, and finds what the page says."""

import re
from typing import Any

import pytest
import yaml

from tasks.common.settings import project_root
from tasks.recipe import Recipe

PAGE = (project_root() / "docs" / "tables.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_runs_and_finds_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, "docs/tables.md", "exec"), names)  # noqa: S102
    built, found = names["built"], names["lookahead"]
    assert built.facts["target"] == "binary"
    assert built.facts["n_dropped"]["missing_next_day"] == len(names["WORDS"]) == 24
    assert built.rows["prompt_undated"].iloc[0] in PAGE
    low, high = found.interval
    assert f"{found.point:.2f} with an interval of {low:.2f} to {high:.2f}" in PAGE
    ahead = names["measured"].reference["reads_ahead"]
    says = f"is {ahead.premium:.2f} for the model that reads ahead, though its R2 is {ahead.r2_off:.2f} after the cut"
    assert says in " ".join(PAGE.split())


def test_the_recipe_of_the_page_is_one():
    (text,) = blocks("yaml")
    recipe = Recipe.model_validate({"name": "words", **yaml.safe_load(text)})
    assert recipe.panel.source.sentences == ("prompt", "prompt_undated")


@pytest.mark.parametrize("key", ["text_undated", "template_undated", "overlapping_labels", "target_kind", "sha256"])
def test_every_key_is_on_the_recipes_page(key):
    assert f"| {key} |" in (project_root() / "docs" / "recipe.md").read_text()
