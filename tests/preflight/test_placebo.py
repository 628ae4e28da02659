"""The placebo corpus is checked like the corpus."""

from pathlib import Path

import pytest

from tasks.common.settings import project_root
from tasks.corpus.config import CorpusConfig
from tasks.panel.build import write_panel
from tasks.preflight.checks import Inputs
from tasks.preflight.checks.artifacts import token_checks
from tasks.recipe import Recipe, load_recipe
from tasks.schemas.artifacts import Check, Panel
from tasks.store.store import open_store
from tests.model_fixtures import small_corpus, tiny_base

SMOKE = load_recipe(project_root() / "configs" / "smoke.yaml").model_dump(mode="json")


@pytest.fixture
def token_lines(tmp_path: Path, own_state: Path):
    """The token checks of a recipe with a token budget."""
    own_state.mkdir()
    (tmp_path / "panel").mkdir()

    def lines(token_budget: int, placebo: bool) -> dict[str, Check]:
        train = {**SMOKE["train"], "token_budget": token_budget}
        changed = {"train": train, "placebo": placebo, "premium": {"robust": None}}
        recipe = Recipe.model_validate({**SMOKE, **changed})
        write_panel(recipe.panel, tmp_path / "panel")
        later = small_corpus() if placebo else None
        inputs = Inputs(recipe, tiny_base(), small_corpus(), Panel(tmp_path / "panel"), open_store(), later)
        return {check.name: check for check in token_checks(inputs)}

    return lines


def test_a_placebo_with_too_few_tokens_is_refused_by_name(token_lines) -> None:
    lines = token_lines(1_000_000, placebo=True)
    assert not lines["placebo tokens"].passed
    assert "token_budget=1,000,000" in lines["placebo tokens"].value


def test_a_placebo_with_as_many_tokens_passes_and_without_one_there_is_no_line(token_lines) -> None:
    both = token_lines(2_000, placebo=True)
    assert both["placebo tokens"].passed
    assert both["placebo tokens"].value == both["tokens"].value
    assert list(token_lines(2_000, placebo=False)) == ["tokens"]


def test_the_placebos_corpus_differs_from_the_corpus_in_its_side_alone() -> None:
    recipe = Recipe.model_validate({**SMOKE, "placebo": True})
    assert recipe.placebo_corpus == CorpusConfig.model_validate({**SMOKE["corpus"], "side": "after"})
    changed = recipe.model_copy(update={"placebo": False}).identity()
    assert recipe.identity() != changed
