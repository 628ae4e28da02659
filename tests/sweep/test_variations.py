"""The recipes of a sweep, and the errors before any run starts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.common.settings import project_root
from tasks.recipe import Recipe, load_recipe
from tasks.sweep.config import SweepConfig, Variation
from tasks.sweep.differences import as_text, differences
from tasks.sweep.errors import BadSweep
from tasks.sweep.same_base import check_base_settings
from tasks.sweep.variations import Variant, variants

SMOKE = load_recipe(project_root() / "configs" / "smoke.yaml")
FULL_WEIGHT = load_recipe(project_root() / "configs" / "smoke-full-weight.yaml")
DEPLOYED = {"leakage-premium/smoke": SMOKE, "leakage-premium/smoke-full-weight": FULL_WEIGHT}

PLAIN = {"train.arm.expert_kernels": "none", "train.arm.cut_cross_entropy": False}
"""What a machine without a GPU needs of the full-weight arm."""


def chosen(**fields: Any) -> list[Variant]:
    return variants(SweepConfig(**{"name": "s", "deployment": "leakage-premium/smoke", **fields}), DEPLOYED.__getitem__)


def test_a_grid_is_every_combination_and_nothing_else_changes() -> None:
    found = chosen(grid={"train.learning_rate": [1e-3, 2e-3], "premium.seed": [1, 2]})
    assert [(v.recipe.train.learning_rate, v.recipe.premium.seed) for v in found] == [
        (1e-3, 1),
        (1e-3, 2),
        (2e-3, 1),
        (2e-3, 2),
    ]
    for variant in found:
        assert set(differences(variant.recipe, SMOKE)) <= {"train.learning_rate", "premium.seed"}


def test_lora_against_full_weight_is_a_list_of_two() -> None:
    lora, full_weight = chosen(variations=[{}, {"deployment": "leakage-premium/smoke-full-weight"}])
    assert (lora.deployment, lora.recipe) == ("leakage-premium/smoke", SMOKE)
    assert (full_weight.deployment, full_weight.recipe) == ("leakage-premium/smoke-full-weight", FULL_WEIGHT)


def test_a_list_is_crossed_with_the_grid() -> None:
    arms = [{"name": "lora"}, {"name": "full", "deployment": "leakage-premium/smoke-full-weight"}]
    found = chosen(variations=arms, grid={"train.learning_rate": [1e-4, 1e-3]})
    assert [variant.name for variant in found] == [
        "lora-learning_rate-0.0001",
        "lora-learning_rate-0.001",
        "full-learning_rate-0.0001",
        "full-learning_rate-0.001",
    ]


def test_another_kind_drops_the_old_kinds_settings_in_any_order() -> None:
    settings = {"train.arm.n_ranks": 2, "train.arm.kind": "full-weight", **PLAIN}
    _, found = chosen(variations=[{}, {"settings": settings}])
    assert (found.recipe.train.arm.kind, found.recipe.train.arm.n_ranks) == ("full-weight", 2)


def test_a_rule_between_fields_refuses_their_part_without_repeating_all_of_it() -> None:
    with pytest.raises(BadSweep, match=r"starts nothing: train: kernels = 'plain' runs PyTorch's own operations alone"):
        chosen(variations=[{}, {"settings": {"train.arm.kind": "full-weight"}}])


def test_the_same_kind_keeps_the_other_settings() -> None:
    _, found = chosen(variations=[{}, {"settings": {"train.arm.kind": "lora", "train.arm.rank": 4}}])
    assert found.recipe.train.arm == SMOKE.train.arm.model_copy(update={"rank": 4})


def test_a_part_that_the_recipe_leaves_out_can_be_set() -> None:
    start = SMOKE.model_copy(update={"premium": SMOKE.premium.model_copy(update={"robust": None})})
    found = chosen(recipe=start, grid={"premium.robust.n_draws": [20, 30]})
    assert [variant.recipe.premium.robust.n_draws for variant in found] == [20, 30]


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"trian.x": [1, 2]}, r"trian is an unknown key|trian\.x is an unknown key"),
        ({"train.learning_rat": [1, 2]}, r"train\.learning_rat is an unknown key"),
        ({"train.arm.rnk": [1, 2]}, r"train\.arm\.rnk is an unknown key"),
        ({"train.learning_rate.x": [1, 2]}, r"train\.learning_rate\.x is an unknown key: train\.learning_rate is"),
        ({"train.learning_rate": [1e-3, 7]}, r"train\.learning_rate = 7: input should be less than or equal to 1"),
        ({"train.arm.rank": [8, 0]}, r"train\.arm\.rank = 0: input should be greater than or equal to 1"),
        ({"premium.n_draws": ["many", 200]}, r"premium\.n_draws = 'many': input should be a valid integer"),
        ({"corpus.cutoff": ["1960-12-31", "someday"]}, r"corpus\.cutoff = 'someday': input should be a valid date"),
        ({"premium.seed": [1, 1]}, r"variations smoke-seed-1 and smoke-seed-1 would give the same artifacts"),
        ({"name": ["a", "b"]}, r"would give the same artifacts; remove one"),
        ({"premium.seed": [1]}, r"has 1 variation, a comparison needs 2"),
        ({}, r"has 1 variation, a comparison needs 2"),
        ({"premium.seed": list(range(17))}, r"has 17 variations, max_variations is 16; remove values or raise it"),
        ({f"a.b{n}": list(range(100)) for n in range(40)}, r"max_variations is 16"),
    ],
)
def test_no_run_starts_if_one_variation_is_invalid(grid: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadSweep, match=sentence):
        chosen(grid=grid)


def test_a_path_set_twice_is_refused() -> None:
    with pytest.raises(BadSweep, match=r"sets premium\.seed in grid and in a variation"):
        chosen(variations=[{"settings": {"premium.seed": 3}}], grid={"premium.seed": [1, 2]})


def test_many_refusals_are_counted() -> None:
    with pytest.raises(BadSweep, match=r"; and 3 more\.$"):
        chosen(grid={"premium.seed": [-1, -2, -3, -4, -5, -6, -7, -8]})


@pytest.mark.parametrize(
    "fields",
    [
        {"at_once": 0},
        {"at_once": 65},
        {"max_variations": 1},
        {"rank_by": "luck"},
        {"rank_by": "construction_base"},
        {"deployment": "merge/cpu"},
        {"grid": {"Train": [1, 2]}},
        {"grid": {"a..b": [1]}},
        {"grid": {"a": []}},
        {"name": "Bad Name"},
        {"gird": {}},
    ],
)
def test_the_form_itself_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SweepConfig(**{"name": "s", "deployment": "leakage-premium/smoke", **fields})


def test_every_field_of_the_form_has_a_help_text() -> None:
    for config in (SweepConfig, Variation):
        assert [name for name, field in config.model_fields.items() if not field.description] == []


ONE_LINE = st.characters(exclude_characters="\r\n", codec="utf-8")
"""A title is one line."""


@given(st.lists(st.text(ONE_LINE, min_size=1, max_size=90), min_size=2, max_size=6, unique=True))
def test_every_variation_has_a_unique_valid_recipe_name(titles: list[str]) -> None:
    found = chosen(grid={"report.title": titles})
    assert len({variant.name for variant in found}) == len(titles)
    assert [Recipe.model_validate(v.recipe.model_dump()).report.title for v in found] == titles


def test_a_name_decides_no_key() -> None:
    first, second = chosen(grid={"premium.seed": [1, 2]})
    assert first.key != second.key
    renamed = Variant(first.deployment, first.recipe.model_copy(update={"name": "other"}), {})
    assert renamed.key == first.key


def test_differences_name_path_value_and_what_it_was() -> None:
    _, other = chosen(variations=[{}, {"settings": {"train.learning_rate": 0.002, "premium.seed": 7}}])
    text = as_text(differences(other.recipe, SMOKE))
    assert text == "train.learning_rate = 0.002 (0.001); premium.seed = 7 (123)"
    assert differences(SMOKE, SMOKE.model_copy(update={"name": "x"})) == {}


def test_another_arm_is_listed_by_its_kind_and_its_settings() -> None:
    found = differences(FULL_WEIGHT, SMOKE)
    assert found["train.arm.kind"] == ("full-weight", "lora")
    assert found["train.arm.n_ranks"] == (2, 1)
    assert "train.arm.rank" not in found
    # Set in the recipe, and equal in the other arm.
    assert "train.arm.expert_kernels" not in found


def test_arms_share_their_base_and_other_panels_do_not() -> None:
    check_base_settings(chosen(variations=[{}, {"deployment": "leakage-premium/smoke-full-weight"}]))
    with pytest.raises(BadSweep, match=r"smoke-n_stocks-10 and smoke-n_stocks-20 .*panel\.n_stocks = 20 \(10\)"):
        check_base_settings(chosen(grid={"panel.n_stocks": [10, 20]}))


def test_a_hypothesis_and_a_memory_bound_do_not_change_the_base() -> None:
    asked = {"premium.hypothesis": {"statement": "It falls.", "at_least": 0.01}, "premium.memory_gb": 2}
    check_base_settings(chosen(variations=[{}, {"settings": {**asked, "train.seed": 1}}]))


def test_the_two_reference_arms_can_be_compared() -> None:
    names = ("fineweb-2017-26-lora", "fineweb-2017-26-full-weight")
    deployed = {f"leakage-premium/{name}": load_recipe(project_root() / "configs" / f"{name}.yaml") for name in names}
    lora, full_weight = deployed
    config = SweepConfig(name="arms", deployment=lora, variations=[{}, {"deployment": full_weight}])
    check_base_settings(variants(config, deployed.__getitem__))
