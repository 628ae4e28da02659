"""The artifact: every kept example once, in a seeded order, and counts that add up."""

from collections import Counter
from datetime import date
from itertools import pairwise

import pytest

from tasks.formulas.catalogue import load_catalogue
from tasks.formulas.split import split_of
from tasks.mix.config import FormulasSource, MixConfig
from tasks.mix.examples import STEPS
from tasks.mix.questions import N_WRONG, knowledge_questions
from tasks.mix.task import publish_mix
from tasks.panel.config import EcbFxSource, PanelConfig
from tasks.panel.task import publish_panel
from tasks.schemas.examples import Mix
from tasks.store.store import open_store
from tests.mix.mixes import FEW, mix_of

FILES = ("sft.jsonl", "preference.jsonl", "directions.jsonl", "knowledge.jsonl", "counts.json")
CONFIG = MixConfig(sources=(*FEW, FormulasSource()))
CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mix, dict]:
    return mix_of(tmp_path_factory.mktemp("mix"), CONFIG)


def test_the_same_config_gives_the_same_bytes_and_another_seed_others(tmp_path, made):
    again, _ = mix_of(tmp_path / "again", CONFIG)
    other, _ = mix_of(tmp_path / "other", CONFIG.model_copy(update={"seed": 1}))
    for name in FILES:
        assert (again.path / name).read_bytes() == (made[0].path / name).read_bytes()
    assert (other.path / "sft.jsonl").read_bytes() != (made[0].path / "sft.jsonl").read_bytes()


def test_counts_by_group_sum_to_the_facts_and_to_the_examples(made):
    mix, facts = made
    sums: dict[str, Counter] = {}
    for row in mix.counts():
        sums.setdefault(row["source"], Counter()).update({step: row[step] for step in STEPS})
        steps = [row[step] for step in STEPS]
        assert all(before >= after for before, after in pairwise(steps))
    assert {name: {step: own[step] for step in STEPS} for name, own in facts["sources"].items()} == sums
    examples = [*mix.chats(), *mix.preferences()]
    assert Counter(each.source for each in examples) == {name: own["n_kept"] for name, own in sums.items()}
    assert len({each.id for each in examples}) == len(examples)
    lengths = (len(list(own)) for own in (mix.chats(), mix.preferences(), mix.directions(), mix.knowledge()))
    assert [facts[f"n_{name}"] for name in ("sft", "preference", "directions", "knowledge")] == list(lengths)


def test_a_weight_decides_where_examples_lie_and_not_how_many(tmp_path):
    features, scenarios = FEW[:2]
    sources = [features.model_copy(update={"weight": 3.0, "cap": 120}), scenarios.model_copy(update={"cap": 90})]
    mix, facts = mix_of(tmp_path, MixConfig(sources=sources))
    order = [each.source for each in mix.chats()]
    assert Counter(order) == {"features": 120, "scenarios": 90}
    # 0.75 of 100, within four standard deviations.
    assert 57 < order[:100].count("features") < 93
    assert order[-30:].count("features") == 0
    assert facts["sources"]["features"]["n_valid"] == 300


def test_nothing_is_trained_on_about_a_formula_that_is_asked_about(made):
    mix, _ = made
    splits = split_of(CATALOGUE, CONFIG.seed, CONFIG.held_out_formulas)
    trained = {each.id.split("/")[1].rsplit("-", 2)[0] for each in mix.chats() if each.source == "formulas"}
    assert trained == {key for key, split in splits.items() if split == "train"}
    asked = {question.id for question in mix.knowledge()}
    assert len(asked) > 30
    assert asked <= {key for key, split in splits.items() if split == "held_out"}
    computed = [each for each in mix.chats() if "-computed-" in each.id]
    assert len(computed) > 50
    assert all(each.day for each in computed)


def test_a_knowledge_question_has_one_right_answer_among_other_entries_of_its_family(made):
    of_expression = {}
    for formula in CATALOGUE.formulas.values():
        of_expression.setdefault((formula.family, formula.entry.expression), []).append(formula)
    for question in made[0].knowledge():
        own = CATALOGUE.formulas[question.id]
        assert question.answers[question.right] == own.entry.expression
        assert own.entry.name in question.prompt[-1].content
        assert len(question.answers) == N_WRONG + 1
        for place, answer in enumerate(question.answers):
            formulas = of_expression[own.family, answer]
            if place != question.right:
                assert all(each.node != own.node and each.group != own.group for each in formulas)
        assert len({of_expression[own.family, answer][0].node for answer in question.answers}) == N_WRONG + 1
    right = Counter(question.right for question in made[0].knowledge())
    assert set(right) == set(range(N_WRONG + 1))


def test_knowledge_questions_are_capped_and_what_has_no_wrong_answers_is_counted():
    every, n_without = knowledge_questions(CATALOGUE, CONFIG)
    fewer, _ = knowledge_questions(CATALOGUE, CONFIG.model_copy(update={"n_knowledge": 10}))
    assert len(fewer) == 10
    assert {each.id for each in fewer} < {each.id for each in every}
    splits = split_of(CATALOGUE, CONFIG.seed, CONFIG.held_out_formulas)
    held_out = [key for key, split in splits.items() if split == "held_out" and CATALOGUE.formulas[key].node]
    assert len(every) + n_without == len(held_out)


def test_the_stage_publishes_a_mix_of_real_pairs():
    window = PanelConfig(
        source=EcbFxSource(),
        n_stocks=51,
        dates_per_stock=200,
        horizon=5,
        n_last_days=200,
        last_day=date(2015, 6, 30),
        test_from=date(2015, 5, 30),
    )
    panel = publish_panel.fn(window)
    ref = publish_mix.fn(CONFIG, panel)
    assert ref.label == panel.label
    assert publish_mix.fn(CONFIG, panel) == ref
    mix = Mix(open_store().fetch(ref))
    assert len(list(mix.directions())) == 51 * 80
    groups = Counter(each.group for each in mix.chats() if each.source == "features")
    # Pegs aside, of which some rows are equal.
    assert sum(n_rows == 20 for n_rows in groups.values()) >= 48
