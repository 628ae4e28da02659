"""Recall probes of a run: the configs of their stages, and what a pipeline fills in from its panel and models."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Self

from pydantic import model_validator

from tasks.common.settings import Config
from tasks.corpus.config import CorpusConfig
from tasks.panel.config import PanelConfig
from tasks.panel.entities import entities_of
from tasks.panel.table.config import TableSource
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.probe.items.config import ProbeItemsConfig, QuestionsConfig
from tasks.probe.recall.config import NOT_MODELS, RecallConfig
from tasks.schemas.scores import ModelName

JPX_SPAN = "from the first to the second trading day after {date}"
"""Of the target C[t+2] / C[t+1] - 1."""


class ProbeConfig(Config):
    """What models are asked beside the panel: dated documents, facts, and directions from entity and day alone."""

    corpus: CorpusConfig | None = None
    """Dated text on both sides of the cutoffs; what was trained on is left out. Null: the documents that the run's own
    corpora hold out for validation; without any, no document is scored."""
    items: ProbeItemsConfig = ProbeItemsConfig()
    answers: ProbeAnswersConfig = ProbeAnswersConfig()
    recall: RecallConfig = RecallConfig()
    models: tuple[ModelName, ...] = ()
    """Models that are asked. Empty: all; each must be a causal language model."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if twice := sorted({name for name in self.models if self.models.count(name) > 1}):
            raise ValueError(f"probe.models names {twice[0]!r} twice")
        return self

    def asked(self, names: Iterable[str]) -> tuple[str, ...]:
        """The models to ask, in the run's order.

        Args:
            names: Those that can be asked.

        Raises:
            ValueError: If `models` names another, or there is none.
        """
        allowed = tuple(names)
        if unknown := [name for name in self.models if name not in allowed]:
            raise ValueError(f"probe.models names {unknown[0]!r}; models to ask are {', '.join(allowed) or 'none'}")
        if not allowed:
            raise ValueError("probe asks language models, and the run has only vectors; leave probe out")
        if taken := [name for name in allowed if name in NOT_MODELS]:
            raise ValueError(f"model {taken[0]!r} has the name of an input of the stage recall; rename it")
        return tuple(name for name in allowed if name in self.models) if self.models else allowed

    def recall_of(self, asked: Sequence[str], cutoffs: Mapping[str, date]) -> RecallConfig:
        """The config of the figures, with the models' cutoffs and what they are compared with.

        Args:
            asked: The models that are asked; the first is the reference unless another is named.
            cutoffs: Last day of each model's text, as far as known; the config's own come before them.

        Raises:
            ValueError: If the config names a model that is not asked.
        """
        named = [*self.recall.cutoffs, *self.recall.compared, self.recall.reference]
        if unknown := [name for name in named if name and name not in asked]:
            raise ValueError(f"probe.recall names {unknown[0]!r}; models that are asked: {', '.join(asked)}")
        known = {name: day for name, day in cutoffs.items() if name in asked} | self.recall.cutoffs
        return self.recall.model_copy(update={"cutoffs": known, "reference": self.recall.reference or asked[0]})

    def items_of(self, panel: PanelConfig, cutoffs: Mapping[str, date]) -> ProbeItemsConfig:
        """The items' config with the names of the panel's entities, the question's wording and the models' cutoffs.

        Raises:
            ValueError: If the panel is a table and the question has no wording.
        """
        return self.items.model_copy(
            update={
                "entities": entities_of(panel.source),
                "questions": _worded(self.items, panel),
                "cutoffs": dict(cutoffs),
            }
        )


def _worded(items: ProbeItemsConfig, panel: PanelConfig) -> QuestionsConfig | None:
    questions = items.questions
    if questions is None or questions.wording:
        return questions
    if isinstance(panel.source, TableSource):
        raise ValueError(
            "probe.items.questions.wording is null, and only of prices it is known what a target above 0 means; word "
            "the question about the table's target, or set probe.items.questions to null"
        )
    span = JPX_SPAN if panel.horizon is None else f"in the {panel.horizon} trading days after {{date}}"
    return questions.model_copy(update={"wording": f"Did the price of {{entity}} go up or down {span}?"})


def check_documents(own: CorpusConfig | None, trained: CorpusConfig, has_placebo: bool) -> None:
    """Raise ValueError if a recipe's documents to score are certainly all on one side of its corpus's cutoff.

    Args:
        own: The corpus to score documents of.
        trained: The corpus that is trained on; what it holds out for validation is scored too.
        has_placebo: Whether there is one of later days.
    """
    if trained.validation_share > 0 and (has_placebo or (own is not None and _reaches(own, trained.cutoff)[1])):
        return
    if own is None:
        raise ValueError(
            "probe.corpus is null, and what the run's corpora hold out for validation is not on both sides of "
            f"corpus.cutoff={trained.cutoff}. Give it a corpus of side 'known' and a later cutoff"
        )
    check_recipe_sides(own, [trained.cutoff])


def check_recipe_sides(own: CorpusConfig | None, cutoffs: Sequence[date]) -> None:
    """Raise ValueError if the documents to score are certainly all on one side of every model's cutoff.

    Args:
        own: The corpus to score documents of; None for no document.
        cutoffs: Known cutoffs.
    """
    if own is None or not cutoffs or any(all(_reaches(own, cutoff)) for cutoff in cutoffs):
        return
    sides = "before" if own.side == "known" else "after"
    raise ValueError(
        f"probe.corpus has side {own.side!r} and cutoff {own.cutoff}, so that its documents are all {sides} the "
        f"models' cutoffs ({', '.join(map(str, cutoffs))}), and both sides are compared. Give it side 'known' and a "
        "later cutoff"
    )


def _reaches(corpus: CorpusConfig, cutoff: date) -> tuple[bool, bool]:
    """Whether a corpus may have documents up to a cutoff, and after it."""
    if corpus.side == "known":
        return True, corpus.cutoff > cutoff
    return corpus.cutoff < cutoff, True
