"""Recall probes of a run: the configs of their stages, and what a pipeline fills in from its panel and models."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Self

from pydantic import model_validator

from tasks.common.settings import Config
from tasks.corpus.config import CorpusConfig
from tasks.panel.config import PanelConfig
from tasks.panel.entities import entities_of
from tasks.panel.table.config import TableSource
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.probe.items.config import ProbeItemsConfig
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
        return tuple(name for name in allowed if name in self.models) if self.models else allowed

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


def _worded(items: ProbeItemsConfig, panel: PanelConfig) -> object:
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
