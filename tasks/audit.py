"""The audit: models that exist already, measured side by side on one panel."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.base.config import BaseConfig
from tasks.common.settings import NOT_IDENTITY, UNLESS_DEFAULT, Config
from tasks.costs.limits import Limits
from tasks.embed.config import EmbedConfig
from tasks.panel.config import PanelConfig
from tasks.premium.config import PremiumConfig
from tasks.probe.items.config import ProbeItemsConfig
from tasks.probe.recall.config import RecallConfig
from tasks.recall_probes import ProbeConfig, check_recipe_sides
from tasks.recipe import RunName, check_sentences
from tasks.report.config import ONE_LINE, ReportConfig
from tasks.schemas.ladders import MIN_RUNGS
from tasks.schemas.scores import ModelName
from tasks.vectors.config import VectorsConfig

FamilyName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")]
MAX_MODELS = 32
RESERVED = ("config", "panel", "models", "figure", "difference", "check")
"""The premium stage's own parameters, and columns of tables beside the models'."""
NOT_FREE = "none of its figures is free of possible knowledge of the future"


class AuditedModel(Config):
    """A model to measure, and the last day it can know."""

    name: ModelName
    """What it is called in the report, in tables and among the steps."""
    cutoff: date | Literal["unknown"]
    """Last day of the text it was trained on, as far as its makers state it; `unknown` if they do not. The
    report says which days of the panel are free of what the model may know, and has its figures by distance from it."""
    family: FamilyName | None = Field(None, json_schema_extra=UNLESS_DEFAULT, exclude_if=lambda own: own is None)
    """Models of one family differ in their cutoff alone: in architecture and training they are alike. Three or more are
    a ladder, whose figures are compared with the tent that lookahead makes of them."""
    model: BaseConfig | None = None
    """The model to load; or else:"""
    vectors: VectorsConfig | None = None
    """Vectors made elsewhere, such as by a model behind an API, row for row with the panel by code and day."""

    @model_validator(mode="before")
    @classmethod
    def _has_a_cutoff(cls, fields: Any) -> Any:
        if isinstance(fields, Mapping) and fields.get("cutoff") is None:
            raise ValueError(
                f"model {fields.get('name')!r} has no cutoff: state the last day of the text it was trained on, as far "
                f"as its makers say, or the word unknown"
            )
        return fields

    @model_validator(mode="after")
    def _is_a_model_or_vectors(self) -> Self:
        if (self.model is None) == (self.vectors is None):
            raise ValueError(f"model {self.name!r} needs either `model`, what to load, or `vectors`, and not both")
        return self

    @property
    def description(self) -> str:
        """What it is, in words for a table."""
        return self.model.description if self.model else f"vectors of {self.vectors.file if self.vectors else ''}"

    @field_validator("name")
    @classmethod
    def _is_not_reserved(cls, name: str) -> str:
        return _not_reserved(name)


class AuditRoute(Config):
    """Which pool runs the stages that need a GPU at true size."""

    embed: Literal["h100", "cpu"] = "h100"
    """`cpu` if the models are small."""
    probe: Literal["h100", "cpu"] = "h100"
    """`cpu` if the models are small."""


class AuditReport(ReportConfig):
    """The report's page."""

    title: str = Field("Leakage audit", min_length=1, max_length=120, pattern=ONE_LINE)
    """Heading of the page."""


class Audit(Config):
    """Everything that decides a leakage-audit run's numbers."""

    pipeline: Literal["leakage-audit"] = Field("leakage-audit", json_schema_extra=NOT_IDENTITY)
    """The pipeline that the file is for; a file without it is a recipe of leakage-premium."""
    name: RunName = Field(json_schema_extra=NOT_IDENTITY)
    """The run's name in the UI; audits that differ only in it share all artifacts."""
    models: tuple[AuditedModel, ...] = Field(min_length=1, max_length=MAX_MODELS)
    """The models. The first is the reference that the others are compared with, unless premium.reference names one."""
    allow_mixed_families: bool = Field(False, json_schema_extra=UNLESS_DEFAULT)
    """Accept a family whose models differ in architecture: their ladder then compares architectures too."""
    panel: PanelConfig = PanelConfig()
    embed: EmbedConfig = EmbedConfig()
    premium: PremiumConfig = PremiumConfig()
    report: AuditReport = AuditReport()
    probe: ProbeConfig | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Recall probes of the models: dated documents, facts, and directions from entity and day alone."""
    route: AuditRoute = Field(default=AuditRoute(), json_schema_extra=NOT_IDENTITY)
    limits: Limits = Field(default=Limits(), json_schema_extra=NOT_IDENTITY)

    @field_validator("models")
    @classmethod
    def _have_names_of_their_own(cls, models: tuple[AuditedModel, ...]) -> tuple[AuditedModel, ...]:
        names = [model.name for model in models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two models are named {twice[0]!r}; rename one")
        return models

    @model_validator(mode="after")
    def _names_its_own_models(self) -> Self:
        names = [model.name for model in self.models]
        if self.premium.cutoffs:
            raise ValueError("premium.cutoffs is set; an audit states each model's cutoff beside its name")
        if self.premium.ladders:
            raise ValueError("premium.ladders is set; an audit states each model's family beside its name")
        self._check_ladders()
        stitched = self._stitched(names)
        for field, named, allowed in (
            ("reference", (self.premium.reference,), names),
            ("compared", self.premium.compared, [*names, *stitched]),
        ):
            if unknown := [name for name in named if name is not None and name not in allowed]:
                raise ValueError(f"premium.{field} names {unknown[0]!r}; the models are {', '.join(allowed)}")
        self._check_pairs([*names, *stitched])
        return self

    def _check_ladders(self) -> None:
        if self.ladders and self.premium.robust is None:
            raise ValueError(
                "a ladder is made of robust figures, and premium.robust is null; leave out models' `family`"
            )
        for family in self.ladders:
            self.measured.rungs(family)

    def _check_pairs(self, names: list[str]) -> None:
        reference, compared = self.premium.reference or names[0], self.premium.compared
        if reference in compared:
            raise ValueError(f"premium.compared names {reference!r}, the reference that others are compared with")
        if twice := sorted({name for name in compared if compared.count(name) > 1}):
            raise ValueError(f"premium.compared names {twice[0]!r} twice")
        if (hypothesis := self.premium.hypothesis) is None:
            return
        if self.premium.robust is None:
            raise ValueError("premium.hypothesis is answered by the robust figures, and premium.robust is null")
        if len(names) < 2:
            raise ValueError("premium.hypothesis is answered for a pair of models, and there is one model")
        _check_metric(hypothesis.metric, names)

    @model_validator(mode="after")
    def _has_sentences_to_embed(self) -> Self:
        if any(model.model for model in self.models):
            check_sentences(self.panel.source, self.embed.undated)
        return self

    @model_validator(mode="after")
    def _can_be_probed(self) -> Self:
        if self.probe is not None:
            _ = self.recall, self.probe_items
            check_recipe_sides(self.probe.corpus, list(self._probed_cutoffs.values()))
        return self

    @property
    def probed(self) -> tuple[str, ...]:
        """Models that the probes ask: all that are loaded, unless some are named."""
        return self.probe.asked(model.name for model in self.models if model.model) if self.probe else ()

    @property
    def probe_items(self) -> ProbeItemsConfig | None:
        """What they are asked."""
        return self.probe.items_of(self.panel, self._probed_cutoffs) if self.probe else None

    @property
    def recall(self) -> RecallConfig | None:
        """Their answers' figures; the reference is the audit's own, if it is asked."""
        if self.probe is None:
            return None
        reference = self.premium.reference or self.models[0].name
        asked = sorted(self.probed, key=lambda name: name != reference)
        return self.probe.recall_of(asked, self._probed_cutoffs)

    @property
    def _probed_cutoffs(self) -> dict[str, date]:
        return {name: self.cutoffs[name] for name in self.probed if name in self.cutoffs}

    def _stitched(self, names: list[str]) -> list[str]:
        """Name of the model stitched from vintages, if there is one."""
        if self.premium.vintages is None:
            return []
        self.premium.vintages.cutoffs_among(names, self.cutoffs)
        return [_not_reserved(self.premium.vintages.name)]

    @property
    def cutoffs(self) -> dict[str, date]:
        """Known cutoffs by model."""
        return {model.name: model.cutoff for model in self.models if isinstance(model.cutoff, date)}

    @property
    def ladders(self) -> dict[str, tuple[str, ...]]:
        """Models with a known cutoff by family, in the recipe's order."""
        families = dict.fromkeys(model.family for model in self.models if model.family)
        return {
            family: tuple(own.name for own in self.models if own.family == family and own.name in self.cutoffs)
            for family in families
        }

    @property
    def measured(self) -> PremiumConfig:
        """The premium stage's config: cutoffs, families, and the first model as reference unless another is named."""
        reference = self.premium.reference or self.models[0].name
        is_used = self.premium.robust or self.premium.vintages
        cutoffs = self.cutoffs if is_used else {}
        return self.premium.model_copy(update={"reference": reference, "cutoffs": cutoffs, "ladders": self.ladders})

    def notes(self, last_day: date | None) -> Iterator[str]:
        """Sentences on the models of which no figure is free of possible knowledge.

        Args:
            last_day: Of the panel; None if it is not known yet.
        """
        for family, rungs in self.ladders.items():
            if len(rungs) < MIN_RUNGS:
                yield f"ladder {family}: no fit, {len(rungs)} models with a known cutoff and {MIN_RUNGS} are needed."
        for model in self.models:
            if not isinstance(model.cutoff, date):
                no_rung = f" It is no rung of the ladder {model.family}." if model.family else ""
                yield f"{model.name}: its cutoff is unknown, so it may know every row, and {NOT_FREE}.{no_rung}"
            elif last_day is not None and model.cutoff >= last_day:
                yield (
                    f"{model.name}: no row lies after its cutoff {model.cutoff}, as the panel ends on {last_day}, and "
                    f"{NOT_FREE}."
                )


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"{name!r} is taken: no model may be named {', '.join(RESERVED)}")
    return name


def _check_metric(metric: str, names: list[str]) -> None:
    """Raise ValueError if a hypothesis is about a model that is not there."""
    figure, _, model = metric.rpartition("_")
    if figure and model not in names:
        raise ValueError(f"premium.hypothesis is about {metric}, and no model is named {model!r}")
