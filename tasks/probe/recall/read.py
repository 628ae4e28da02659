"""Answers beside the items and rows that they are about; whatever does not fit together is an error."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.probe.recall.config import NOT_MODELS, RecallConfig
from tasks.probe.recall.errors import MismatchedAnswers, UnknownModel
from tasks.probe.recall.intervals import RowIntervals
from tasks.probe.recall.questions import Answers, AskedRows
from tasks.sampling.arrays import FloatArray, IntArray
from tasks.schemas.artifacts import Panel
from tasks.schemas.probe import VARIANTS, ProbeAnswers, ProbeItems, Variant

KEYS = {"documents": ["id"], "facts": ["id"], "questions": ["row", "variant"]}
FIGURES = {"documents": ["bits"], "facts": ["margin"], "questions": ["p_up", "mass"]}


class Read:
    """The stage's inputs.

    Args:
        config: Models and draws.
        inputs: Folders of `items`, `panel`, and each model's answers by its name.

    Raises:
        MismatchedAnswers: If a model was asked something else, an answer is not a number, or a row is not in the panel.
        UnknownModel: If the config names a model without answers.
    """

    def __init__(self, config: RecallConfig, inputs: Mapping[str, Path]) -> None:
        items = ProbeItems(inputs["items"])
        self.panel_overlap = items.panel_overlap()
        self.documents, self.facts, self._questions = items.documents(), items.facts(), items.questions()
        names = sorted(name for name in inputs if name not in NOT_MODELS)
        # The reference first, as in the tables.
        self.models = sorted(names, key=lambda name: name != (config.reference or names[0]))
        if unknown := [name for name in (config.reference, *config.compared) if name and name not in self.models]:
            raise UnknownModel(f"model {unknown[0]!r} has no answers; those that have are {', '.join(self.models)}.")
        asked = {"documents": self.documents, "facts": self.facts, "questions": self._questions}
        folders = {name: ProbeAnswers(inputs[name]) for name in self.models}
        self.reading = {name: own.reading() for name, own in folders.items()}
        self._answers = {
            name: {kind: _answers(answers, name, kind, own) for kind, own in asked.items()}
            for name, answers in folders.items()
        }
        self.numbers: IntArray = np.unique(self._questions["row"].to_numpy(np.int64))
        self.rows = _rows(Panel(inputs["panel"]), self.numbers, config) if len(self.numbers) else None

    def pairs(self, config: RecallConfig) -> list[tuple[str, str]]:
        """Those that have figures: the reference with each compared model."""
        return [(self.models[0], name) for name in config.compared or self.models[1:]]

    def bits(self, model: str) -> FloatArray:
        """(n_documents,)."""
        return self._answers[model]["documents"]["bits"].to_numpy(np.float64)

    def facts_of(self, model: str) -> pd.DataFrame:
        """The items, with the model's margin."""
        return self.facts.assign(margin=self._answers[model]["facts"]["margin"].to_numpy())

    def questions_of(self, model: str) -> dict[Variant, Answers]:
        """By variant, on the rows asked about."""
        table = self._answers[model]["questions"]
        found: dict[Variant, Answers] = {}
        for variant in VARIANTS:
            own = table[table["variant"] == variant]
            if len(own):
                by_row = own.set_index("row")[["p_up", "mass"]].reindex(self.numbers).to_numpy(np.float64)
                found[variant] = Answers(by_row[:, 0], by_row[:, 1])
        return found


def _answers(answers: ProbeAnswers, model: str, kind: str, asked: pd.DataFrame) -> pd.DataFrame:
    found: pd.DataFrame = getattr(answers, kind)()
    keys = KEYS[kind]
    if len(found) != len(asked) or not (found[keys].to_numpy() == asked[keys].to_numpy()).all():
        raise MismatchedAnswers(
            f"{model} has {len(found)} answers on {kind}, which are not those to the {len(asked)} of the items, in "
            f"their order; ask it these items."
        )
    for figure in FIGURES[kind]:
        values = found[figure].to_numpy(np.float64)
        if not np.isfinite(values).all():
            place = int(np.flatnonzero(~np.isfinite(values))[0])
            raise MismatchedAnswers(
                f"{figure} of {model} on {kind} is {values[place]} at {found[keys].iloc[place].to_dict()}; every "
                f"answer must be a number. Ask again in a wider format (fp32)."
            )
    return found


def _rows(panel: Panel, numbers: IntArray, config: RecallConfig) -> AskedRows:
    table = panel.rows()
    if not (numbers[0] >= 0 and numbers[-1] < len(table)):
        raise MismatchedAnswers(
            f"the items ask about rows {numbers[0]} to {numbers[-1]}, and the panel has {len(table)}; make the items "
            f"from this panel."
        )
    own = table.iloc[numbers].reset_index(drop=True)
    names = [name for name in ("code", "date", "label_until", *Panel.LEGS) if name in own]
    return AskedRows(
        own[names], own["target"].to_numpy(np.float64), RowIntervals(own[names], config.n_draws, config.seed)
    )
