"""Questions and answers about the catalogue's formulas: what one is, and what it gives on a few rows of a panel.

The numbers that a question shows are all that its answer is computed from, so that a reader can check it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from tasks.common.settings import Config, Frozen
from tasks.formulas.catalogue import Catalogue, Formula
from tasks.formulas.evaluate import evaluate
from tasks.formulas.nodes import Node, is_across, rows_before
from tasks.formulas.panel import Panel
from tasks.formulas.split import Split, split_of

Kind = Literal["definition", "computed"]
N_ENTITIES, N_TRIES = 4, 20
"""Entities in an example that ranks them; draws of a day before an example is given up."""

_DEFINITIONS = (
    "What is {name} in {title}?",
    "How is {name} ({title}) computed?",
    "Define the formula {name} of the family {title}.",
    "What does {name} of {title} measure, and by which expression?",
)
_COMPUTED = (
    "Compute {name} ({title}), which is `{expression}`, for {entity} on {day}.",
    "What is the value of {name} of {title} for {entity} on {day}? Its expression is `{expression}`.",
)


class SamplesConfig(Config):
    """Which samples are made."""

    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of wordings, days and entities, and of the formulas held out."""
    held_out: float = Field(0.2, ge=0, le=0.5)
    """Share of each family's catalogue entries of which no sample is for training."""
    n_computed: int = Field(1, ge=0, le=20)
    """Computed examples per formula."""
    max_numbers: int = Field(60, ge=1, le=2_000)
    """Numbers that an example shows at most; formulas that need more have none."""
    digits: int = Field(6, ge=3, le=15)
    """Significant digits of numbers and answers."""


class Sample(Frozen):
    """A question and its answer."""

    kind: Kind
    """What it asks for."""
    formula: str
    """Key of the formula."""
    split: Split
    """Whether it may be trained on."""
    question: str
    """Text of the question."""
    answer: str
    """Text of the answer."""


@dataclass(frozen=True)
class Samples:
    """All samples, and why formulas have no computed one.

    Args:
        samples: In the catalogue's order.
        without_example: Number of formulas by reason.
    """

    samples: tuple[Sample, ...]
    without_example: Mapping[str, int]


def make_samples(catalogue: Catalogue, config: SamplesConfig, panel: Panel | None = None) -> Samples:
    """Make the samples of every formula.

    Args:
        catalogue: The formulas.
        config: Seed, split and sizes. The same gives the same samples.
        panel: Where examples are computed; None for definitions alone.
    """
    splits = split_of(catalogue, config.seed, config.held_out)
    found: list[Sample] = []
    without: Counter[str] = Counter()
    for key, formula in catalogue.formulas.items():
        rng = _generator(config.seed, key)
        texts: list[tuple[Kind, str, str]] = [("definition", *_definition(catalogue, formula, rng))]
        reason = _no_example(formula, config, panel)
        if panel is not None and not reason:
            examples = [_example(catalogue, formula, panel, config, rng) for _ in range(config.n_computed)]
            texts += [("computed", *each) for each in examples if each]
            reason = "" if all(examples) else "no finite value on the days drawn"
        if reason:
            without[reason] += 1
        found += [
            Sample(kind=kind, formula=key, split=splits[key], question=question, answer=answer)
            for kind, question, answer in texts
        ]
    return Samples(tuple(found), dict(without))


def _definition(catalogue: Catalogue, formula: Formula, rng: Generator) -> tuple[str, str]:
    entry = formula.entry
    # The other wordings ask for an expression.
    question = _DEFINITIONS[rng.integers(len(_DEFINITIONS)) if entry.expression else 0]
    title = catalogue.titles[formula.family]
    parts = [
        entry.meaning,
        f"Expression: `{entry.expression}`." if entry.expression else "",
        "" if formula.source == "none" else f"Source: {formula.source}.",
        entry.note,
        f"It cannot be computed here: {entry.reason}" if entry.reason else "",
    ]
    return question.format(name=entry.name, title=title), " ".join(part for part in parts if part)


def _no_example(formula: Formula, config: SamplesConfig, panel: Panel | None) -> str:
    """Why a formula has no computed example; empty if it may have one."""
    if formula.status != "executable":
        return "not executable"
    if panel is None or not set(formula.inputs) <= panel.columns.keys():
        return "the panel lacks a column"
    n_entities = N_ENTITIES if is_across(formula.executable) else 1
    n_numbers = (rows_before(formula.executable) + 1) * n_entities * len(formula.inputs)
    return "needs more numbers than an example shows" if n_numbers > config.max_numbers else ""


def _example(
    catalogue: Catalogue, formula: Formula, panel: Panel, config: SamplesConfig, rng: Generator
) -> tuple[str, str] | None:
    """A question with all numbers it needs and its answer; None if no day drawn has a finite value."""
    node, title = formula.executable, catalogue.titles[formula.family]
    n_rows = int(rows_before(node)) + 1
    n_entities = min(N_ENTITIES if is_across(node) else 1, len(panel.entities))
    question = _COMPUTED[rng.integers(len(_COMPUTED))]
    if n_rows > len(panel.days):
        return None
    for _ in range(N_TRIES):
        last = int(rng.integers(n_rows - 1, len(panel.days)))
        entities = np.sort(rng.choice(len(panel.entities), n_entities, replace=False))
        small = _shown(panel, formula, np.arange(last + 1 - n_rows, last + 1), entities, config.digits)
        if small is None or not np.isfinite(value := _last_value(node, small)):
            continue
        asked = question.format(
            name=formula.entry.name,
            title=title,
            expression=formula.entry.expression,
            entity=small.entities[0],
            day=f"{small.days[-1]:%Y-%m-%d}",
        )
        return f"{asked}\n\n{_written(small, config.digits)}", f"{value:.{config.digits}g}"
    return None


def _shown(panel: Panel, formula: Formula, days: np.ndarray, entities: np.ndarray, digits: int) -> Panel | None:
    """The rows of an example with their numbers as they are shown; None if one is missing."""
    place = np.ix_(days, entities)
    columns = {name: panel.columns[name][place] for name in formula.inputs}
    if not all(np.isfinite(values).all() for values in columns.values()):
        return None
    rounded = {name: np.vectorize(lambda x: float(f"{x:.{digits}g}"))(values) for name, values in columns.items()}
    return Panel(panel.days[days], panel.entities[entities], rounded, np.ones((len(days), len(entities)), dtype=bool))


def _last_value(node: Node, panel: Panel) -> float:
    ((_, values),) = evaluate({"example": node}, panel)
    return float(values[-1, 0])


def _written(panel: Panel, digits: int) -> str:
    rows = panel.long(panel.columns.items())
    rows = rows if len(panel.entities) > 1 else rows.drop(columns="entity")
    text: str = rows.to_csv(index=False, float_format=f"%.{digits}g", date_format="%Y-%m-%d", lineterminator="\n")
    return text.rstrip()


def _generator(seed: int, key: str) -> Generator:
    """Of the formula alone, so that adding another changes none of its samples."""
    return np.random.default_rng([seed, int.from_bytes(sha256(key.encode()).digest()[:8], "big")])
