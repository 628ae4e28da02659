"""The audit's config: what it refuses, and what it says of models that may know every row."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.pipelines.registry import PIPELINES, load, pipeline_of, recipe_of
from tasks.audit import RESERVED, Audit
from tasks.common.settings import project_root
from tasks.recipe import BadRecipe, Recipe

TINY = {"source": {"kind": "tiny"}}
OLDER = {"name": "older", "cutoff": "2018-12-31", "model": TINY}
NEWER = {"name": "newer", "cutoff": "2024-06-30", "model": TINY}
WITHOUT_TEXT = {"kind": "table", "path": "/t.csv", "entity": "e", "time": "t", "target": "y", "features": ["x"]}
GPT = {"family": "gpt"}
UNKNOWN = {"name": "api", "cutoff": "unknown", "model": TINY}


def audit(*models: dict[str, Any], **changed: Any) -> Audit:
    return Audit.model_validate({"name": "x", "models": models or (OLDER, NEWER), **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"models": [OLDER, OLDER]}, "two models are named 'older'; rename one"),
        ({"models": []}, "at least 1 item"),
        ({"models": [{"name": "older", "model": TINY}]}, "model 'older' has no cutoff: state the last day"),
        ({"models": [OLDER | {"cutoff": None}]}, "or the word unknown"),
        ({"models": [OLDER | {"cutoff": "lately"}]}, "valid date"),
        ({"models": [{"name": "older", "cutoff": "unknown"}]}, "needs either `model`, what to load, or `vectors`"),
        ({"models": [OLDER | {"vectors": {"file": "https://example.org/v.parquet"}}]}, "and not both"),
        ({"models": [OLDER | {"name": "<b>Older</b>"}]}, "should match pattern"),
        ({"premium": {"reference": "middle"}}, "premium.reference names 'middle'; the models are older, newer"),
        ({"premium": {"cutoffs": {"older": "2018-12-31"}}}, "states each model's cutoff beside its name"),
        ({"premium": {"compared": ["base"]}}, "premium.compared names 'base'"),
        ({"premium": {"hypothesis": {"statement": "s", "metric": "premium_base"}}}, "no model is named 'base'"),
        ({"models": [OLDER], "premium": {"hypothesis": {"statement": "s"}}}, "there is one model"),
        ({"premium": {"compared": ["older"]}}, "premium.compared names 'older', the reference"),
        ({"premium": {"compared": ["newer", "newer"]}}, "premium.compared names 'newer' twice"),
        ({"premium": {"hypothesis": {"statement": "s"}, "robust": None}}, "and premium.robust is null"),
        ({"panel": {"source": WITHOUT_TEXT}}, "a model needs sentences, and the table has none"),
        ({"premium": {"vintages": {"models": ["middle"]}}}, "premium.vintages.models names 'middle'"),
        ({"models": [UNKNOWN], "premium": {"vintages": {}}}, "no model has a known cutoff"),
        ({"models": [OLDER, UNKNOWN], "premium": {"vintages": {"models": ["api"]}}}, "vintage 'api' has no known"),
        ({"premium": {"vintages": {"name": "older"}}}, "'older', and so is a model's"),
        ({"premium": {"vintages": {"name": "panel"}}}, "'panel' is taken"),
        ({"premium": {"vintages": {}, "reference": "vintages"}}, "premium.reference names 'vintages'"),
        (
            {"models": [OLDER | GPT, NEWER | GPT | {"cutoff": "2018-12-31"}]},
            "models 'older' and 'newer' of family 'gpt' both have the cutoff 2018-12-31",
        ),
        ({"models": [OLDER | GPT], "premium": {"robust": None}}, "a ladder is made of robust figures"),
        ({"models": [OLDER | {"family": "Chrono GPT"}]}, "should match pattern"),
        ({"premium": {"ladders": {"gpt": ["older"]}}}, "an audit states each model's family beside its name"),
    ],
)
def test_an_audit_is_refused_with_what_is_wrong(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        audit(**changed)


@pytest.mark.parametrize("name", RESERVED)
def test_a_model_has_no_name_that_a_stage_or_a_table_needs_for_itself(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is taken"):
        audit(OLDER | {"name": name})


def test_the_first_model_is_the_reference_unless_another_is_named() -> None:
    assert audit(NEWER, OLDER).measured.reference == "newer"
    assert audit(premium={"reference": "newer"}).measured.reference == "newer"
    assert audit(OLDER, NEWER | {"cutoff": "unknown"}).measured.cutoffs == {"older": date(2018, 12, 31)}
    assert audit(NEWER, OLDER).identity() != audit(OLDER, NEWER).identity()


def test_vintages_take_the_audits_cutoffs_and_change_no_identity_where_there_are_none() -> None:
    stitched = audit(OLDER, UNKNOWN, premium={"robust": None, "vintages": {}, "compared": ["vintages"]}).measured
    assert stitched.cutoffs == {"older": date(2018, 12, 31)}
    assert audit(premium={"robust": None}).measured.cutoffs == {}
    assert "vintages" not in audit().measured.identity()
    with pytest.raises(ValueError, match="only audits stitch models"):
        Recipe.model_validate({"name": "x", "premium": {"vintages": {}}})


def test_models_of_a_family_with_a_known_cutoff_are_its_rungs_and_change_no_identity_where_there_is_none() -> None:
    found = audit(OLDER | GPT, NEWER | GPT, UNKNOWN | GPT, OLDER | {"name": "other"})
    assert found.measured.ladders == {"gpt": ("older", "newer")}
    notes = list(found.notes(date(2025, 1, 1)))
    assert notes[0] == "ladder gpt: no fit, 2 models with a known cutoff and 3 are needed."
    assert notes[1].endswith("It is no rung of the ladder gpt.")
    for plain in (audit(), audit().measured, audit().models[0]):
        assert not {"family", "ladders", "allow_mixed_families"} & plain.identity().keys()
    assert "family" not in str(audit().identity())
    assert found.identity() != audit(OLDER, NEWER, UNKNOWN, OLDER | {"name": "other"}).identity()
    with pytest.raises(ValueError, match="only audits compare models of a family"):
        Recipe.model_validate({"name": "x", "premium": {"ladders": {"gpt": ["base"]}}})


def test_models_that_may_know_every_row_are_named_in_a_sentence_each() -> None:
    found = audit(OLDER, NEWER, OLDER | {"name": "api", "cutoff": "unknown"})
    assert [note.split(":")[0] for note in found.notes(date(2021, 12, 29))] == ["newer", "api"]
    assert [note.split(":")[0] for note in found.notes(date(2024, 7, 1))] == ["api"]
    # The day of the cutoff itself may be known.
    assert [note.split(":")[0] for note in found.notes(date(2018, 12, 31))] == ["older", "newer", "api"]
    assert [note.split(":")[0] for note in found.notes(None)] == ["api"]


def test_a_file_is_read_as_the_pipeline_it_names_and_without_one_as_leakage_premium(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("name: x\n")
    assert load(file) == Recipe(name="x")
    file.write_text("pipeline: leakage-audit\nname: x\nmodels: [{name: older, cutoff: 2018-12-31, model: {}}]\n")
    assert isinstance(load(file), Audit)
    file.write_text("pipeline: leakage-adit\nname: x\n")
    with pytest.raises(BadRecipe, match="'leakage-adit' is unknown; it is one of leakage-premium, leakage-audit"):
        load(file)
    file.write_text("- name: x\n")
    with pytest.raises(BadRecipe, match="holds a list, not a mapping"):
        load(file)


def test_the_key_changes_no_identity_and_a_flows_parameters_give_their_own_pipeline() -> None:
    assert "pipeline" not in Recipe(name="x").identity()
    for recipe in (Recipe(name="x"), audit()):
        assert recipe_of({"recipe": recipe.model_dump(mode="json", exclude_unset=True)}) == recipe
        assert pipeline_of(recipe).steps[-1].name == PIPELINES[recipe.pipeline].shown
    assert recipe_of({"recipe": {"name": "x", "colour": "red"}}) is None


def test_the_file_on_the_audit_page_is_one():
    page = (project_root() / "docs" / "audit.md").read_text()
    example = page[page.index("pipeline: leakage-audit") :]
    audit = Audit.model_validate(yaml.safe_load(example[: example.index("```")]))
    assert [model.name for model in audit.models] == ["chrono-2018", "closed"]
    assert [note.split(":")[0] for note in audit.notes(None)] == ["closed"]
