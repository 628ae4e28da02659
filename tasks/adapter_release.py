"""The adapter release: a chat model trained on a panel's past, by examples and then by preferences, and exported."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.align.config import AlignConfig
from tasks.base.config import BaseConfig, HubSource
from tasks.common.settings import NOT_IDENTITY, Config
from tasks.costs.limits import Limits
from tasks.evaluate.config import EvaluateConfig
from tasks.export.config import ExportConfig
from tasks.forecast.config import ForecastConfig
from tasks.merge.config import MergeConfig
from tasks.mix.config import MixConfig
from tasks.panel.config import EcbFxSource, PanelConfig
from tasks.recipe import RunName
from tasks.release.config import ReleaseConfig
from tasks.report.direction.config import DirectionReportConfig
from tasks.report.release.config import ReleaseReportConfig
from tasks.sampling.holdout import HoldoutConfig
from tasks.train.arms import ATTENTION, SHARED_EXPERT, LoraArm, TargetName
from tasks.train.config import TrainConfig
from tasks.train.objectives import ChatObjective, PreferenceObjective

LANGUAGE_MODELS = ("base", "sft", "final")
"""Models that forecast: as it came, after the first training, and the one released."""
REFERENCE_BASE = HubSource(
    repo="deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", revision="916b56a44061fd5cd7d6a8fb632557ed4f724f60"
)


class ChatArm(LoraArm):
    """Adapters with the reference's settings: seven targets, no routed experts."""

    rank: int = Field(64, ge=1, le=512)
    """Inner width of every adapter."""
    alpha: int = Field(128, ge=1, le=1024)
    """Scale: an adapter's product is multiplied by alpha / rank."""
    dropout: float = Field(0.05, ge=0, lt=1)
    """Share of an adapter's inputs set to zero."""
    target_modules: tuple[TargetName, ...] = Field((*ATTENTION, *SHARED_EXPERT), min_length=1)
    """Names of linear modules, matched as PEFT does: the whole name or its end after a dot."""
    target_parameters: tuple[TargetName, ...] = ()
    """Names of fused parameters, matched in the same way."""


class PreferenceArm(ChatArm):
    """The same without dropout, which TRL disables."""

    dropout: float = Field(0.0, ge=0, le=0)
    """Share of an adapter's inputs set to zero: none."""


class ChatTraining(TrainConfig):
    """Supervised fine-tuning with the reference's settings: 3 epochs, 16 conversations per step."""

    arm: ChatArm = ChatArm()
    """Adapters and their targets."""
    objective: ChatObjective = ChatObjective(epochs=3)
    """The last answer of each conversation."""
    gradient_accumulation_steps: int = Field(16, ge=1, le=4096)
    """Forward passes per optimizer step."""


class PreferenceTraining(TrainConfig):
    """Preference training with the reference's settings: beta 0.1, 2 epochs."""

    arm: PreferenceArm = PreferenceArm()
    """Adapters and their targets."""
    objective: PreferenceObjective = PreferenceObjective(epochs=2)
    """The better of two answers."""
    gradient_accumulation_steps: int = Field(16, ge=1, le=4096)
    """Forward passes per optimizer step."""
    learning_rate: float = Field(2e-6, gt=0, le=1)
    """Peak learning rate."""


class ReleaseRoute(Config):
    """Which pool runs the stages that need a GPU at true size."""

    train: Literal["h100", "h100x8"] = "h100"
    """Both trainings."""
    merge: Literal["h100", "cpu"] = "h100"
    """`cpu` if the model fits in that pool's memory."""
    forecast: Literal["h100", "cpu"] = "h100"
    """`cpu` if the model is small."""
    export: Literal["h100", "cpu"] = "cpu"
    """Converter and engine compute on the CPU; the pool must hold the model in memory, in fp32."""


class AdapterRelease(Config):
    """Everything that decides a release's bytes and numbers. Fields left out keep the reference's settings."""

    pipeline: Literal["adapter-release"] = Field("adapter-release", json_schema_extra=NOT_IDENTITY)
    """The pipeline that the file is for; a file without it is a recipe of leakage-premium."""
    name: RunName = Field(json_schema_extra=NOT_IDENTITY)
    """The run's name in the UI; releases that differ only in it share all artifacts."""
    base: BaseConfig = BaseConfig(source=REFERENCE_BASE)
    panel: PanelConfig = PanelConfig(source=EcbFxSource())
    holdout: HoldoutConfig = HoldoutConfig()
    """Of mix and evaluate: nothing is trained on from its first day on."""
    mix: MixConfig = MixConfig()
    chat_template: str | None = Field(None, min_length=1, max_length=100_000)
    """Jinja text of the chat template by which the model is trained, asked and exported. Null: the base tokenizer's."""
    align: AlignConfig = AlignConfig()
    sft: ChatTraining = ChatTraining()
    dpo: PreferenceTraining = PreferenceTraining()
    merge: MergeConfig = MergeConfig()
    forecast: ForecastConfig = ForecastConfig(max_tokens=2_048)
    export: ExportConfig = ExportConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    evaluation: DirectionReportConfig = DirectionReportConfig()
    release: ReleaseConfig = ReleaseConfig()
    report: ReleaseReportConfig = ReleaseReportConfig()
    route: ReleaseRoute = Field(default=ReleaseRoute(), json_schema_extra=NOT_IDENTITY)
    limits: Limits = Field(default=Limits(), json_schema_extra=NOT_IDENTITY)

    @model_validator(mode="after")
    def _has_one_holdout(self) -> Self:
        for stage in ("mix", "evaluate"):
            own = getattr(self, stage)
            for name, field in HoldoutConfig.model_fields.items():
                if getattr(own, name) != field.default:
                    raise ValueError(f"{stage}.{name} is set; mix and evaluate take it from holdout: set it there")
        return self

    @model_validator(mode="after")
    def _is_of_pairs_on_all_days(self) -> Self:
        if not isinstance(self.panel.source, EcbFxSource):
            raise ValueError(
                f"panel.source.kind is {self.panel.source.kind!r}, which has no currency pairs; adapter-release needs "
                "them: set it to 'ecb_fx'"
            )
        if self.panel.n_days is not None:
            raise ValueError("panel.n_days is set; forecasts need every day of the panel, so leave it out")
        return self

    @model_validator(mode="after")
    def _rows_fit_the_trainings(self) -> Self:
        if self.align.objective != AlignConfig.model_fields["objective"].default:
            raise ValueError("align.objective is set; a release tokenizes for both trainings: leave it out")
        for name in ("sft", "dpo"):
            if self.align.sequence_length > (most := getattr(self, name).sequence_length):
                raise ValueError(
                    f"align.sequence_length={self.align.sequence_length} is more than {name}.sequence_length={most}; "
                    "raise the latter, or examples may be too long for their training"
                )
        return self

    @model_validator(mode="after")
    def _has_one_chat_template(self) -> Self:
        for stage in ("align", "forecast", "export"):
            if getattr(self, stage).chat_template is not None:
                raise ValueError(
                    f"{stage}.chat_template is set; the model is asked as it was trained: set chat_template of the "
                    "release, which align, forecast and export take"
                )
        return self

    @model_validator(mode="after")
    def _can_be_evaluated(self) -> Self:
        evaluate = self.evaluate
        if "planted" not in evaluate.models:
            raise ValueError(
                "evaluate.models leaves planted out, the control without which no model is released; add it"
            )
        if evaluate.language_models != LANGUAGE_MODELS:
            raise ValueError(
                f"evaluate.language_models is {', '.join(evaluate.language_models)}; a release forecasts with "
                f"{', '.join(LANGUAGE_MODELS)}, in this order: leave it out"
            )
        if self.mix.max_gap_days != evaluate.max_gap_days:
            raise ValueError(
                f"mix.max_gap_days={self.mix.max_gap_days} and evaluate.max_gap_days={evaluate.max_gap_days}; a gap "
                "that the mix lets pass would end the evaluation: set both alike"
            )
        if self.forecast.max_tokens < self.align.sequence_length:
            raise ValueError(
                f"forecast.max_tokens={self.forecast.max_tokens} is less than align.sequence_length="
                f"{self.align.sequence_length}, so that a question may be too long to ask; raise it"
            )
        return self

    @model_validator(mode="after")
    def _needs_no_code_of_its_own(self) -> Self:
        if isinstance(self.base.source, HubSource) and self.base.source.allow_code:
            raise ValueError(
                "base.source.allow_code is set, and a repository's code runs in an audit's embed stage only; train a "
                "base of an architecture that transformers has"
            )
        return self

    @property
    def templated(self) -> dict[str, object]:
        """The chat template, as align, forecast and export take it."""
        return {"chat_template": self.chat_template}

    @property
    def held_out(self) -> dict[str, object]:
        """The hold-out's fields, as mix and evaluate take them."""
        return {name: getattr(self.holdout, name) for name in HoldoutConfig.model_fields}

    def training(self, name: Literal["sft", "dpo"]) -> TrainConfig:
        """A training's config as its stage reads it, with other defaults."""
        return TrainConfig.model_validate(getattr(self, name).model_dump())
