"""Questions: the direction of hold-out rows, and what held-out formulas are."""

import re
from collections import defaultdict

import numpy as np
from numpy.random import Generator

from tasks.formulas.catalogue import Catalogue, Formula
from tasks.formulas.split import Split, split_of
from tasks.mix.config import MixConfig
from tasks.mix.examples import prompt_of
from tasks.mix.panel_rows import PanelRows, generator
from tasks.mix.texts import DOWN, UP, feature_prompt
from tasks.sampling.spread import spread
from tasks.schemas.examples import DirectionQuestion, KnowledgeQuestion

N_WRONG = 3
"""Wrong answers of a knowledge question."""


def direction_questions(rows: PanelRows, config: MixConfig) -> list[DirectionQuestion]:
    """One question per hold-out row, or as many as asked for, spread over the days.

    The prompt is a feature example's of the same row.
    """
    positions = np.flatnonzero(rows.is_holdout)
    if config.n_directions is not None:
        days = rows.table["date"].to_numpy()[positions]
        positions = np.sort(positions[spread(days, config.n_directions, generator(config.seed, "directions"))])
    return [
        DirectionQuestion(
            row=int(position),
            prompt=prompt_of(feature_prompt(row, rows.features, rows.horizon, config), config),
            up=UP,
            down=DOWN,
        )
        for position, row in zip(positions, rows.records(positions), strict=True)
    ]


def knowledge_questions(catalogue: Catalogue, config: MixConfig) -> tuple[list[KnowledgeQuestion], int]:
    """Which expression a held-out formula is, of four of its family.

        Which expression is KMID of Alpha158? Answer with the expression alone.

        (close - open) / open

    Wrong answers are other held-out entries as far as there are enough: a model that was trained on an expression would
    know that it is not the answer. They have the name's number where their entry has one with it, or a window would
    betray the answer.

    Returns:
        Questions, and how many held-out formulas with an expression have none, for lack of wrong answers.
    """
    splits = split_of(catalogue, config.seed, config.held_out_formulas)
    asked = [each for key, each in catalogue.formulas.items() if splits[key] == "held_out" and each.node is not None]
    rngs = {each.key: generator(config.seed, "knowledge", each.key) for each in asked}
    wrong = {each.key: _wrong(each, catalogue, splits, rngs[each.key]) for each in asked}
    found = [_question(each, wrong[each.key], catalogue, config, rngs[each.key]) for each in asked if wrong[each.key]]
    if config.n_knowledge is not None and len(found) > config.n_knowledge:
        drawn = generator(config.seed, "knowledge").choice(len(found), config.n_knowledge, replace=False)
        return [found[place] for place in np.sort(drawn)], len(asked) - len(found)
    return found, len(asked) - len(found)


def _question(
    formula: Formula, wrong: list[str], catalogue: Catalogue, config: MixConfig, rng: Generator
) -> KnowledgeQuestion:
    answers, title = [str(formula.entry.expression), *wrong], catalogue.titles[formula.family]
    order = rng.permutation(len(answers))
    return KnowledgeQuestion(
        id=formula.key,
        group=formula.family,
        prompt=prompt_of(
            f"Which expression is {formula.entry.name} of {title}? Answer with the expression alone.", config
        ),
        answers=tuple(answers[place] for place in order),
        right=int(np.flatnonzero(order == 0)[0]),
    )


def _wrong(formula: Formula, catalogue: Catalogue, splits: dict[str, Split], rng: Generator) -> list[str]:
    """Three distinct expressions of other entries of its family; none if there are fewer."""
    entries: dict[str, list[Formula]] = defaultdict(list)
    for other in catalogue.formulas.values():
        if other.family == formula.family and other.group != formula.group and other.node is not None:
            entries[other.group].append(other)
    groups = [list(entries)[place] for place in rng.permutation(len(entries))]
    groups.sort(key=lambda group: splits[entries[group][0].key] == "train")
    known = {formula.node}
    chosen: list[str] = []
    for group in groups:
        own = entries[group]
        same = [each for each in own if _number(each) == _number(formula)]
        other = same[0] if same else own[rng.integers(len(own))]
        if other.node not in known and len(chosen) < N_WRONG:
            known.add(other.node)
            chosen.append(str(other.entry.expression))
    return chosen if len(chosen) == N_WRONG else []


def _number(formula: Formula) -> str:
    return "".join(re.findall(r"\d+", formula.entry.name))
