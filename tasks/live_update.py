"""The live update: the adapter in production goes on learning from new outcomes, and is replaced where that shows."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.adapter_release import ChatTraining
from tasks.align.config import AlignConfig
from tasks.common.settings import NOT_IDENTITY, Config
from tasks.costs.limits import Limits
from tasks.forecast.config import ForecastConfig
from tasks.live.config import GateConfig, SwapTest, UpdateTrigger, WatchConfig
from tasks.live.look_config import LineName
from tasks.live.outcomes_config import OutcomesConfig
from tasks.mix.config import FeaturesSource, MixConfig
from tasks.panel.config import EcbFxSource, PanelConfig
from tasks.recipe import RunName
from tasks.sampling.holdout import HoldoutConfig
from tasks.train.config import TrainConfig
from tasks.train.objectives import ChatObjective

TWO_DAYS = 2
"""Of a panel's target without a horizon."""


class LiveTraining(ChatTraining):
    """A short pass from the adapter in production; its arm must have that adapter's rank, scale and targets."""

    objective: ChatObjective = ChatObjective(epochs=1)
    """The direction that came."""
    learning_rate: float = Field(1e-5, gt=0, le=1)
    """Peak learning rate."""


class NewRows(FeaturesSource):
    """Outcomes that production was not trained on."""

    name: Literal["new"] = "new"
    """Name in counts and errors."""
    n_per_pair: int = Field(100_000, ge=1, le=100_000)
    """Rows drawn per currency pair; all of a pair that has fewer."""


class Replay(FeaturesSource):
    """Earlier rows, without which a model forgets them."""

    name: Literal["replay"] = "replay"
    """Name in counts and errors."""
    weight: float = Field(0.5, ge=0, le=10)
    """Where in the pass its examples come: its share as long as both sources have some left. How many there are, the
    cap decides. 0 replays nothing."""
    n_per_pair: int = Field(20, ge=1, le=100_000)
    """Rows drawn per currency pair; all of a pair that has fewer."""


class LiveMix(MixConfig):
    """Wordings and questions, as of the release that is updated; sources and hold-out follow from the update."""

    n_knowledge: int | None = Field(1, ge=1)
    """Questions about held-out formulas at most. Null: one for each. They decide nothing here."""


class LiveRoute(Config):
    """Which pool runs the stages that need a GPU at true size."""

    train: Literal["h100", "h100x8"] = "h100"
    """The training."""
    forecast: Literal["h100", "cpu"] = "h100"
    """`cpu` if the model is small."""


class LiveUpdate(Config):
    """What is read, how a candidate is trained, and when it replaces the version in production."""

    pipeline: Literal["live-update"] = Field("live-update", json_schema_extra=NOT_IDENTITY)
    """The pipeline that the file is for; a file without it is a recipe of leakage-premium."""
    name: RunName = Field(json_schema_extra=NOT_IDENTITY)
    """The run's name in the UI."""
    line: LineName
    """The line of versions that is updated, such as forex-r1-7b; one of its versions must be in production."""
    panel: PanelConfig = PanelConfig(source=EcbFxSource())
    outcomes: OutcomesConfig = OutcomesConfig()
    new: NewRows = NewRows()
    replay: Replay = Replay()
    mix: LiveMix = LiveMix()
    embargo_days: int = Field(7, ge=0, le=365)
    """Calendar days before the hold-out that are not trained on; at least the horizon's."""
    chat_template: str | None = Field(None, min_length=1, max_length=100_000)
    """Jinja text of the chat template, as of the release. Null: the base tokenizer's."""
    align: AlignConfig = AlignConfig()
    train: LiveTraining = LiveTraining()
    forecast: ForecastConfig = ForecastConfig(max_tokens=2_048)
    gate: GateConfig = GateConfig()
    watch: SwapTest = SwapTest()
    trigger: UpdateTrigger = Field(default=UpdateTrigger(), json_schema_extra=NOT_IDENTITY)
    deployment: str = Field("", pattern=r"^([a-z0-9._-]+/[a-z0-9._-]+)?$", json_schema_extra=NOT_IDENTITY)
    """The deployment that the watch starts when an update is due; by default live-update/NAME."""
    route: LiveRoute = Field(default=LiveRoute(), json_schema_extra=NOT_IDENTITY)
    limits: Limits = Field(default=Limits(), json_schema_extra=NOT_IDENTITY)
    plumbing_only: bool = False
    """Whether its numbers mean nothing."""

    @model_validator(mode="after")
    def _leaves_out_what_follows(self) -> Self:
        for name in ("sources", *HoldoutConfig.model_fields):
            if getattr(self.mix, name) != MixConfig.model_fields[name].default:
                raise ValueError(f"mix.{name} is set; it follows from the update's hold-out: leave it out")
        for name in ("first_day", "last_day"):
            for source in ("new", "replay"):
                if getattr(getattr(self, source), name) is not None:
                    raise ValueError(f"{source}.{name} is set; it follows from what production was trained on")
        for stage in ("align", "forecast"):
            if getattr(self, stage).chat_template is not None:
                raise ValueError(f"{stage}.chat_template is set; set chat_template of the update, which both take")
        return self

    @model_validator(mode="after")
    def _fits_the_training(self) -> Self:
        if self.align.objective != "chat":
            raise ValueError(
                f"align.objective is {self.align.objective!r}; an update goes on by conversations: leave it"
            )
        if self.align.sequence_length > self.train.sequence_length:
            raise ValueError(
                f"align.sequence_length={self.align.sequence_length} is more than train.sequence_length="
                f"{self.train.sequence_length}; raise the latter"
            )
        if self.forecast.max_tokens < self.align.sequence_length:
            raise ValueError(
                f"forecast.max_tokens={self.forecast.max_tokens} is less than align.sequence_length="
                f"{self.align.sequence_length}, so that a question may be too long to ask; raise it"
            )
        return self

    @model_validator(mode="after")
    def _is_of_all_days(self) -> Self:
        if self.panel.n_days is not None:
            raise ValueError("panel.n_days is set; forecasts need every day of the panel, so leave it out")
        if self.embargo_days < (least := self.horizon_days):
            raise ValueError(
                f"embargo_days={self.embargo_days} is less than the {least} days that an outcome takes; raise it"
            )
        return self

    @property
    def templated(self) -> dict[str, object]:
        """The chat template, as align and forecast take it."""
        return {"chat_template": self.chat_template}

    @property
    def trained(self) -> TrainConfig:
        """The training's config as its stage reads it, with other defaults."""
        return TrainConfig.model_validate(self.train.model_dump())

    @property
    def horizon_days(self) -> int:
        """Days that an outcome takes."""
        return self.panel.horizon or TWO_DAYS

    @property
    def watched(self) -> WatchConfig:
        """The watch's config as its stage reads it: with as many series of bets as an outcome takes days."""
        return WatchConfig(**self.watch.model_dump(), horizon_days=self.horizon_days)

    @property
    def update_deployment(self) -> str:
        """The deployment that runs an update."""
        return self.deployment or f"{self.pipeline}/{self.name}"
