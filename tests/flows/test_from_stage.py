"""From one stage on: which steps that is, and what is refused."""

import pytest

from flows.runner.from_stage import StageNotRun, refuse_a_gap, steps_from
from flows.runner.table import STAGES
from tasks.recipe import Recipe
from tasks.store.store import open_store

RECIPE = Recipe(name="x")
WITH_PLACEBO = Recipe(name="x", placebo=True)
BEHIND_TRAIN = {"train", "merge", "embed trained", "premium", "report"}


@pytest.mark.parametrize(
    ("stage", "steps"),
    [
        ("missing", set()),
        ("report", {"report"}),
        ("premium", {"premium", "report"}),
        ("embed", {"embed base", "embed trained", "premium", "report"}),
        ("merge", BEHIND_TRAIN - {"train"}),
        ("train", BEHIND_TRAIN),
        ("corpus", BEHIND_TRAIN | {"corpus", "preflight"}),
        ("panel", {"panel", "preflight", "embed base", "embed trained", "premium", "report"}),
        ("prices", set()),
    ],
)
def test_a_stage_takes_with_it_what_is_made_from_it_and_nothing_else(stage: str, steps: set[str]) -> None:
    assert steps_from(stage, RECIPE) == steps


def test_the_placebo_arm_goes_with_the_others() -> None:
    assert steps_from("train", WITH_PLACEBO) == BEHIND_TRAIN | {"train placebo", "merge placebo", "embed placebo"}


def test_every_stage_can_be_named() -> None:
    names = set(refuse_a_gap.__annotations__["stage"].__args__)
    assert names == {"missing", *STAGES}


def test_a_run_from_the_middle_is_refused_where_something_before_it_has_not_run() -> None:
    with pytest.raises(StageNotRun, match=r"from_stage='merge' runs nothing before it, and base of recipe x .*missing"):
        refuse_a_gap("merge", RECIPE, open_store())


def test_whatever_is_missing_and_the_first_stages_need_nothing_before_them() -> None:
    refuse_a_gap("missing", RECIPE, open_store())
    with pytest.raises(StageNotRun, match="corpus of recipe x"):
        refuse_a_gap("base", RECIPE, open_store())


def test_a_stage_the_recipe_does_not_have_is_refused() -> None:
    with pytest.raises(StageNotRun, match="from_stage='prices' names a stage that recipe x does not have"):
        refuse_a_gap("prices", RECIPE, open_store())
