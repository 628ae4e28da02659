"""The one config tree: what it accepts, what it refuses, what its identity is."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from flows.pipelines.registry import load
from tasks.common.settings import project_root
from tasks.recipe import NO_RECIPES, BadRecipe, Recipe, load_recipe

PROBED_UNTIL = ("probe", "corpus", "cutoff")
RECIPES = sorted(file for file in (project_root() / "configs").glob("*.yaml") if file.name not in NO_RECIPES)


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_in_configs_validates_and_bears_its_files_name(file: Path) -> None:
    assert load(file).name == file.stem


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_says_only_what_differs_from_the_defaults(file: Path) -> None:
    said = yaml.safe_load(file.read_text())
    recipe = load(file)
    required = {"name": "default"} | {key: said[key] for key in ("models", "base") if has_no_default(said.get(key))}
    required |= {key: said[key] for key in ("line",) if key in said}
    if "probe" in said and at(said, PROBED_UNTIL) is None:
        # What the run's own corpora hold out is probed, and only the placebo's lies after the cutoff.
        required |= {"placebo": said["placebo"]}
    kinds = kinds_of(said)
    if at(said, PROBED_UNTIL):
        # Text to probe that ends with the text trained on, as by default, is refused.
        kinds["probe"]["corpus"]["cutoff"] = at(said, PROBED_UNTIL)
    default = type(recipe).model_validate(kinds | required).model_dump(mode="json")
    same = [path for path in leaves(said) if at(recipe.model_dump(mode="json"), path) == at(default, path)]
    may_be_said = {path for path in same if path[-1] in ("kind", "pipeline") or path[0] in required} | {PROBED_UNTIL}
    assert [path for path in same if path not in may_be_said] == []


def has_no_default(part: Any) -> bool:
    """Models of an audit, and a base from a GGUF file, must be named in full."""
    return isinstance(part, list) or "package" in (part or {}).get("source", {})


def kinds_of(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with nothing in it but which variant of each part it names."""
    parts = {key: kinds_of(value) for key, value in tree.items() if isinstance(value, dict)}
    kept = {key: part for key, part in parts.items() if part}
    return kept | ({"kind": tree["kind"]} if "kind" in tree else {})


def leaves(tree: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(tree, dict):
        return [path]
    return [leaf for key, value in tree.items() for leaf in leaves(value, (*path, key))]


def at(tree: object, path: tuple[str, ...]) -> object:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def test_the_lora_recipe_has_the_references_settings() -> None:
    recipe = load_recipe(project_root() / "configs" / "fineweb-2017-26-lora.yaml")
    train = recipe.train
    assert (train.arm.rank, train.arm.alpha, train.sequence_length) == (16, 32, 2048)
    assert (train.learning_rate, train.embedding_learning_rate, train.warmup_ratio) == (2e-5, 2e-6, 0.03)
    assert train.token_budget == 3_815 * 8 * train.sequence_length
    assert len(recipe.corpus.source.dumps) == 35
    assert (recipe.panel.n_stocks, recipe.panel.dates_per_stock, recipe.premium.n_draws) == (1000, 30, 200)


def test_both_arms_of_the_reference_take_the_same_rows_in_the_same_steps() -> None:
    arms = [load_recipe(project_root() / "configs" / f"fineweb-2017-26-{arm}.yaml") for arm in ("lora", "full-weight")]
    lora, full_weight = (arm.train for arm in arms)
    assert lora.rows_per_step == full_weight.rows_per_step == 32
    same = (
        "token_budget",
        "sequence_length",
        "packing",
        "learning_rate",
        "embedding_learning_rate",
        "scheduler",
        "seed",
    )
    assert [getattr(lora, key) for key in same] == [getattr(full_weight, key) for key in same]
    assert arms[0].corpus == arms[1].corpus


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\ntrian: {}", r"trian is an unknown key"),
        ("name: x\ntrain: {learning_rat: 1}", r"train\.learning_rat is an unknown key"),
        ("name: x\ntrain: {learning_rate: 7}", r"train\.learning_rate = 7: input should be less than or equal to 1"),
        ("name: x\npremium: {n_draws: 1}", r"premium\.n_draws = 1: input should be greater than or equal to"),
        ("name: Bad Name", r"name = 'Bad Name': string should match pattern"),
        (
            "name: x\ncorpus: {side: after}\nplacebo: true",
            r"placebo = True: .*corpus\.side = 'after' is the placebo's own",
        ),
        ("name: x\ncorpus: {cutoff: someday}", r"corpus\.cutoff = 'someday': input should be a valid date"),
        ("{}", r"name is missing"),
        ("- a\n- b", r"holds a list, not a mapping"),
        ("a: [", r"is not YAML"),
        ("name: x\ncorpus: {cutoff: 1960-13-31}", r"is not YAML: month must be in 1..12"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadRecipe, match=sentence):
        load_recipe(written(tmp_path, text))


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=r"none\.yaml cannot be read: No such file"):
        load_recipe(tmp_path / "none.yaml")


def test_name_and_route_are_no_part_of_the_identity() -> None:
    plain = Recipe(name="a")
    routed = Recipe(name="b", route={"train": "h100x8", "merge": "cpu"})
    assert plain.identity() == routed.identity()
    assert plain.identity() != Recipe(name="a", premium={"seed": 7}).identity()


def configs(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """Every config class the tree can reach."""
    import typing

    def classes(annotation: object) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [found for part in typing.get_args(annotation) for found in classes(part)]

    if model not in seen:
        seen.add(model)
        for field in model.model_fields.values():
            for found in classes(field.annotation):
                configs(found, seen)
    return seen


def test_every_config_is_frozen_and_knows_no_other_keys() -> None:
    reached = configs(Recipe, set())
    assert len(reached) > 10
    for config in reached:
        assert config.model_config.get("frozen"), config
        assert config.model_config.get("extra") == "forbid", config


def test_every_field_of_the_form_has_a_help_text() -> None:
    silent = [
        f"{config.__name__}.{name}"
        for config in configs(Recipe, set())
        for name, field in config.model_fields.items()
        if not field.description and name != "kind" and not hasattr(field.annotation, "model_fields")
    ]
    assert silent == []


def _kinds(annotation: object) -> set[Any]:
    """A field's type, or all types of its union."""
    return {kind for argument in get_args(annotation) for kind in _kinds(argument)} or {annotation}


def float_fields(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    """Every field that may hold a float, of a config and of all configs below it."""
    for name, field in model.model_fields.items():
        for kind in _kinds(field.annotation):
            if kind is float:
                yield model, name
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from float_fields(kind)


FLOATS = {f"{model.__name__}.{name}": (model, name) for model, name in float_fields(Recipe)}


@pytest.mark.parametrize("field", FLOATS)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_bound_is_passed_by_a_value_that_is_no_number(field: str, value: float) -> None:
    model, name = FLOATS[field]
    found = []
    for given in (value, (value,)):
        with pytest.raises(ValidationError) as refused:
            model.model_validate({name: given})
        found += [(error["loc"][0], error["type"]) for error in refused.value.errors()]
    assert (name, "finite_number") in found


def test_the_law_above_looks_at_the_fields_there_are() -> None:
    assert {"PremiumConfig.alpha", "FineWebSource.language_score", "Limits.max_dollars"} <= FLOATS.keys()
    assert len(FLOATS) > 20
