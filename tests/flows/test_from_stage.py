"""Running from one stage on: which steps are rebuilt, and what is refused."""

from typing import get_args

import pytest

from flows.leakage_premium import leakage_premium
from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.runner.from_stage import FromStage, StageNotRun, check_from_stage
from flows.stages import STAGES
from tasks.recipe import Recipe
from tasks.store.store import open_store

PIPELINE = leakage_premium_pipeline(Recipe(name="x"))
WITH_PLACEBO = leakage_premium_pipeline(Recipe(name="x", placebo=True))
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
    assert PIPELINE.stage_and_dependents(stage) == steps


def test_the_placebo_arm_goes_with_the_others() -> None:
    assert WITH_PLACEBO.stage_and_dependents("train") == BEHIND_TRAIN | {
        "train placebo",
        "merge placebo",
        "embed placebo",
    }


def test_every_stage_can_be_named_and_the_form_offers_nothing_else() -> None:
    names = get_args(FromStage)[1].json_schema_extra["enum"]
    assert set(names) == {"missing", *STAGES}
    assert leakage_premium.parameters.properties["from_stage"]["enum"] == names


def test_a_run_from_the_middle_is_refused_where_something_before_it_has_not_run() -> None:
    with pytest.raises(StageNotRun, match=r"from_stage='merge' runs nothing before it, but base of x .*missing"):
        check_from_stage("merge", PIPELINE, open_store())


def test_missing_and_the_first_stages_need_nothing_before_them() -> None:
    check_from_stage("missing", PIPELINE, open_store())
    with pytest.raises(StageNotRun, match="corpus of x"):
        check_from_stage("base", PIPELINE, open_store())


def test_a_stage_the_recipe_does_not_have_is_refused() -> None:
    with pytest.raises(StageNotRun, match=r"from_stage='prices' is not a stage of x; its stages are base, corpus, "):
        check_from_stage("prices", PIPELINE, open_store())
