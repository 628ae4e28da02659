"""Questions and answers: an answer follows from its question's numbers, and what is held out is not in training."""

import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from tasks.formulas.catalogue import Catalogue
from tasks.formulas.evaluate import evaluate
from tasks.formulas.nodes import is_across
from tasks.formulas.panel import Panel, panel_from_rows
from tasks.formulas.samples import Sample, Samples, SamplesConfig, make_samples
from tasks.formulas.split import split_of
from tests.formulas.prices import rows_with_gaps

CONFIG = SamplesConfig(seed=7)


@pytest.fixture(scope="module")
def found(catalogue: Catalogue, panel: Panel) -> Samples:
    return make_samples(catalogue, CONFIG, panel)


def of_kind(found: Samples, kind: str) -> list[Sample]:
    return [sample for sample in found.samples if sample.kind == kind]


def of_family(catalogue: Catalogue, family: str) -> Catalogue:
    return Catalogue([each for each in catalogue.formulas.values() if each.family == family], catalogue.titles)


def test_every_formula_has_a_definition_that_names_expression_and_source(found: Samples, catalogue: Catalogue) -> None:
    definitions = of_kind(found, "definition")
    assert [sample.formula for sample in definitions] == list(catalogue.formulas)
    for sample in definitions:
        formula = catalogue.formulas[sample.formula]
        assert formula.entry.name in sample.question
        assert formula.entry.meaning in sample.answer
        assert formula.entry.expression is None or f"`{formula.entry.expression}`" in sample.answer
        assert (f"Source: {formula.source}." in sample.answer) == (formula.source != "none")
        assert ("It cannot be computed here: " in sample.answer) == (formula.status != "executable")


def test_an_answer_follows_from_the_numbers_that_its_question_shows(found: Samples, catalogue: Catalogue) -> None:
    computed = of_kind(found, "computed")
    assert len(computed) > 400
    for sample in computed[::3]:
        asked, table = sample.question.split("\n\n")
        entity, day = re.search(r"for (\w+) on ([\d-]+)", asked).groups()
        shown = pd.read_csv(StringIO(table), dtype={"entity": str})
        shown = shown if "entity" in shown else shown.assign(entity=entity)
        assert shown.drop(columns=["entity", "date"]).size <= CONFIG.max_numbers
        panel = panel_from_rows(shown)
        ((_, values),) = evaluate(catalogue.choose([sample.formula]), panel)
        value = values[panel.days == day, panel.entities == entity]
        assert sample.answer == f"{value[0]:.6g}", sample.formula


def test_an_example_has_the_value_of_the_whole_panel(found: Samples, catalogue: Catalogue, computed: dict) -> None:
    """Up to the digits shown: its rows are all that the value is made of."""
    n_compared = 0
    for sample in of_kind(found, "computed"):
        if is_across(catalogue.formulas[sample.formula].executable) or sample.formula.startswith("volatility."):
            continue
        entity, day = re.search(r"for (\d+) on ([\d-]+)", sample.question).groups()
        whole = computed[sample.formula][pd.bdate_range("2019-01-01", periods=330).get_loc(day), int(entity)]
        assert float(sample.answer) == pytest.approx(whole, rel=2e-3, abs=2e-4), sample.formula
        n_compared += 1
    assert n_compared > 300


def test_formulas_without_an_example_are_counted(found: Samples, catalogue: Catalogue) -> None:
    with_example = {sample.formula for sample in of_kind(found, "computed")}
    assert len(catalogue.formulas) - len(with_example) == sum(found.without_example.values())
    assert found.without_example["not executable"] == 29


def test_the_same_seed_gives_the_same_and_another_others(catalogue: Catalogue, panel: Panel) -> None:
    risk = of_family(catalogue, "risk")
    one, same, other = (make_samples(risk, SamplesConfig(seed=seed), panel) for seed in (7, 7, 8))
    assert one == same
    assert [sample.question for sample in one.samples] != [sample.question for sample in other.samples]
    assert split_of(catalogue, 7, 0.2) != split_of(catalogue, 8, 0.2)


def test_a_formula_keeps_its_samples_when_another_is_added(found: Samples, catalogue: Catalogue, panel: Panel) -> None:
    texts = {sample.question for sample in found.samples}
    assert {sample.question for sample in make_samples(of_family(catalogue, "risk"), CONFIG, panel).samples} <= texts


def test_nothing_held_out_is_in_training_under_another_name_or_window(catalogue: Catalogue) -> None:
    for seed in range(20):
        splits = split_of(catalogue, seed, 0.2)
        sides = {"train": set(), "held_out": set()}
        groups = {"train": set(), "held_out": set()}
        for key, formula in catalogue.formulas.items():
            sides[splits[key]].add(formula.node)
            groups[splits[key]].add(formula.group)
        assert (sides["train"] & sides["held_out"]) - {None} == set()
        assert groups["train"] & groups["held_out"] == set()
        assert {group.partition(".")[0] for group in groups["held_out"]} >= {"alpha101", "risk", "volatility", "factor"}
        assert 0.1 < len(groups["held_out"]) / (len(groups["held_out"]) + len(groups["train"])) < 0.3


def test_without_a_panel_there_are_definitions_alone_and_gaps_are_no_numbers(catalogue: Catalogue) -> None:
    assert {sample.kind for sample in make_samples(catalogue, CONFIG).samples} == {"definition"}
    alphas = of_family(catalogue, "alpha101")
    gaps = make_samples(alphas, SamplesConfig(n_computed=3, max_numbers=200), panel_from_rows(rows_with_gaps()))
    assert not any("nan" in sample.question or re.search(r",(,|\n|$)", sample.question) for sample in gaps.samples)
    assert all(np.isfinite(float(sample.answer)) for sample in of_kind(gaps, "computed"))
