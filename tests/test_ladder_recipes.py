"""The recipes in configs/ladders: complete but for commits that were not seen, and refused until these are given."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.pipelines.registry import load, pipeline_of
from tasks.audit import Audit
from tasks.base.config import HubSource
from tasks.common.settings import project_root
from tasks.recipe import BadRecipe

RECIPES = sorted((project_root() / "configs" / "ladders").glob("*.yaml"))
COMMIT = "a" * 40
KNOWN_COMMITS = {
    "manelalab/chrono-gpt-v1-20181231": "17d7de7945199ff03be989ca84d00c0f59a975af",
    "manelalab/chrono-gpt-v1-20241231": "1d9f1b8ff50bb45a6fe1402280e617af4c2d805c",
    "datedgpt/datedgpt-2013-base": "855538883fd62ae8138789c4858e1dcb708187dc",
    "datedgpt/datedgpt-2024-base": "ed8abac3e81ba4f964fc92cf9e9b412123f681f4",
}
"""Those of docs/models.md."""


def filled_in(file: Path) -> Audit:
    return Audit.model_validate(yaml.safe_load(file.read_text().replace("fill-in", COMMIT)))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_is_refused_with_the_field_until_every_commit_is_filled_in(file: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=r"models\.\d+\.model\.source\.hub\.\S+ = 'fill-in': .*the commit is to be"):
        load(file)
    own = tmp_path / "own.yaml"
    own.write_text(file.read_text().replace("fill-in", COMMIT))
    assert load(own) == filled_in(file)
    assert filled_in(file).name == file.stem


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_only_commits_that_were_seen_are_written(file: Path) -> None:
    for model in filled_in(file).models:
        source = model.model.source
        assert isinstance(source, HubSource)
        assert source.revision == KNOWN_COMMITS.get(source.repo, COMMIT)
        # The cutoff is the day or the year in the repository's name.
        assert f"{model.cutoff:%Y%m%d}" in source.repo or f"-{model.cutoff:%Y}-" in source.repo
        assert (model.cutoff.month, model.cutoff.day) == (12, 31)


def test_they_are_the_ladders_that_are_asked_of_them() -> None:
    rungs = {file.stem: {family: len(own) for family, own in filled_in(file).ladders.items()} for file in RECIPES}
    assert rungs == {
        "chronogpt": {"chrono-gpt": 3},
        "chronogpt-yearly": {"chrono-gpt": 12},
        "datedgpt": {"dated-gpt": 12},
        "families": {"chrono-gpt": 4, "dated-gpt": 4},
    }
    three = filled_in(next(file for file in RECIPES if file.stem == "chronogpt"))
    assert list(three.cutoffs.values()) == [date(2011, 12, 31), date(2018, 12, 31), date(2024, 12, 31)]


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_the_premium_gets_every_family_and_preflight_comes_before_any_model_is_embedded(file: Path) -> None:
    audit = filled_in(file)
    steps: dict[str, Any] = {step.name: step for step in pipeline_of(audit).steps}
    assert steps["premium"].config.ladders == audit.ladders
    assert all(step.after == ("preflight",) for step in steps.values() if step.stage == "embed")


def test_the_file_on_the_ladders_page_is_one() -> None:
    page = (project_root() / "docs" / "ladder.md").read_text()
    example = page[page.index("pipeline: leakage-audit") :]
    audit = Audit.model_validate(yaml.safe_load(example[: example.index("```")]))
    assert audit.ladders == {"mine": ("mine-2016", "mine-2019", "mine-2021")}
