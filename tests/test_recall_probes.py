"""Probes of a run: what is refused before anything runs, and what the pipeline fills in."""

from datetime import date
from typing import Any

import pytest

from tasks.audit import Audit
from tasks.preflight.forecast import StageForecast, forecast_audit
from tasks.recipe import Recipe
from tasks.schemas.probe import VARIANTS

SOTU = {"source": {"kind": "sotu"}, "cutoff": "2020-12-31"}
CUTOFF = {"source": {"kind": "sotu"}, "cutoff": "1960-12-31"}
TABLE = {"kind": "table", "path": "/t.csv", "entity": "e", "time": "t", "target": "y", "template": "{entity}"}
OLDER = {"name": "older", "cutoff": "1990-12-31", "model": {"source": {"kind": "tiny"}}}
API = {"name": "api", "cutoff": "unknown", "vectors": {"file": "https://example.org/vectors.parquet"}}


def recipe(probe: dict[str, Any], **changed: Any) -> Recipe:
    return Recipe.model_validate({"name": "x", "corpus": CUTOFF, "probe": probe, **changed})


def audit(probe: dict[str, Any], **changed: Any) -> Audit:
    return Audit.model_validate({"name": "x", "models": [OLDER], "probe": probe, **changed})


@pytest.mark.parametrize(
    ("probe", "changed", "message"),
    [
        ({}, {}, "probe.corpus is null, and what the run's corpora hold out .* not on both sides"),
        ({}, {"placebo": True, "corpus": CUTOFF | {"validation_share": 0}}, "probe.corpus is null"),
        ({"corpus": CUTOFF}, {}, r"so that its documents are all before the models' cutoffs \(1960-12-31\)"),
        (
            {"corpus": SOTU | {"side": "after"}},
            {"corpus": CUTOFF | {"validation_share": 0}},
            "has side 'after' and cutoff 2020-12-31, so that its documents are all after",
        ),
        ({"corpus": SOTU, "models": ["placebo"]}, {}, "probe.models names 'placebo'; models to ask are base, trained"),
        ({"corpus": SOTU, "models": ["base", "base"]}, {}, "probe.models names 'base' twice"),
        (
            {"corpus": SOTU, "recall": {"compared": ["placebo"]}},
            {},
            "probe.recall names 'placebo'; models that are ask",
        ),
        ({"corpus": SOTU}, {"panel": {"source": TABLE}}, "probe.items.questions.wording is null, and only of prices"),
        ({"corpus": SOTU, "items": {"documents": {"min_bytes": 99, "max_bytes": 64}}}, {}, "no document would be left"),
        (
            {"corpus": SOTU, "items": {"facts": {"kind": "file", "path": "facts.jsonl"}}},
            {},
            "'facts.jsonl' is relative",
        ),
        ({"corpus": SOTU, "items": {"facts": {"kind": "file", "path": "https://x/f"}}}, {}, "download the file"),
    ],
)
def test_probes_that_compare_nothing_are_refused_in_the_recipe(
    probe: dict[str, Any], changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        recipe(probe, **changed)


@pytest.mark.parametrize(
    ("probe", "changed", "message"),
    [
        ({}, {"models": [API]}, "probe asks language models, and the run has only vectors; leave probe out"),
        ({"models": ["api"]}, {"models": [OLDER, API]}, "probe.models names 'api'; models to ask are older"),
        ({"corpus": SOTU | {"cutoff": "1980-12-31"}}, {}, "all before the models' cutoffs"),
        ({}, {"models": [OLDER | {"name": "items"}]}, "model 'items' has the name of an input of the stage recall"),
    ],
)
def test_probes_of_an_audit_are_refused_alike(probe: dict[str, Any], changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        audit(probe, **changed)


def test_documents_on_both_sides_may_come_from_validation_alone() -> None:
    assert recipe({}, placebo=True).probed == ("base", "trained", "placebo")
    # The training corpus's validation documents are before the cutoff, the probes' own after it.
    after = recipe({"corpus": SOTU | {"cutoff": "1960-12-31", "side": "after"}})
    assert after.probe_items.cutoffs == {"trained": date(1960, 12, 31)}


def test_models_are_asked_in_the_runs_order_and_the_first_is_the_reference() -> None:
    found = recipe({"models": ["placebo", "trained"]}, placebo=True)
    assert found.probed == ("trained", "placebo")
    assert found.recall.reference == "trained"
    assert found.recall.cutoffs == {"trained": date(1960, 12, 31)}


def test_a_models_own_cutoff_in_the_probes_comes_first() -> None:
    probe = {"corpus": SOTU, "recall": {"cutoffs": {"base": "1950-01-01"}}}
    assert recipe(probe).recall.cutoffs == {"trained": date(1960, 12, 31), "base": date(1950, 1, 1)}


def test_an_audits_reference_comes_first() -> None:
    newer = OLDER | {"name": "newer", "cutoff": "unknown"}
    found = audit({}, models=[OLDER, newer], premium={"reference": "newer"})
    assert found.probed == ("older", "newer")
    assert found.recall.reference == "newer"
    assert found.recall.cutoffs == {"older": date(1990, 12, 31)}


def test_probes_leave_the_recipes_identity_as_it_was() -> None:
    plain = Recipe.model_validate({"name": "x", "corpus": CUTOFF})
    assert "probe" not in plain.identity()
    assert recipe({"corpus": SOTU}).identity()["probe"]["items"]["questions"]["variants"] == list(VARIANTS)
    # The cutoffs refuse items and change none.
    items = recipe({"corpus": SOTU}).probe_items
    assert "cutoffs" not in items.identity()
    assert items.questions.wording.startswith("Did the price of {entity} go up or down")


def test_rented_probes_are_forecast_without_a_rate_and_those_on_a_cpu_not_at_all() -> None:
    rented = audit({}, route={"embed": "cpu", "probe": "h100"})
    assert forecast_audit(rented, n_rows=10) == [StageForecast("probe older", "h100", None, None)]
    assert forecast_audit(audit({}, route={"embed": "cpu", "probe": "cpu"}), n_rows=10) == []
