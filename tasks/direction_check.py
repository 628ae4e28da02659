"""The direction check: how often forecasts of currency pairs' direction are right, by the split they are scored on."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.common.settings import NOT_IDENTITY, Config
from tasks.costs.limits import Limits
from tasks.evaluate.config import EvaluateConfig
from tasks.panel.config import EcbFxSource, PanelConfig
from tasks.recipe import RunName
from tasks.report.direction.config import DirectionReportConfig


class DirectionCheck(Config):
    """Everything that decides a direction-check run's numbers."""

    pipeline: Literal["direction-check"] = Field("direction-check", json_schema_extra=NOT_IDENTITY)
    """The pipeline that the file is for; a file without it is a recipe of leakage-premium."""
    name: RunName = Field(json_schema_extra=NOT_IDENTITY)
    """The run's name in the UI; checks that differ only in it share all artifacts."""
    panel: PanelConfig = PanelConfig(source=EcbFxSource())
    evaluate: EvaluateConfig = EvaluateConfig()
    report: DirectionReportConfig = DirectionReportConfig()
    limits: Limits = Field(default=Limits(), json_schema_extra=NOT_IDENTITY)

    @model_validator(mode="after")
    def _is_of_pairs_on_all_days(self) -> Self:
        if not isinstance(self.panel.source, EcbFxSource):
            raise ValueError(
                f"panel.source.kind is {self.panel.source.kind!r}, which has no currency pairs; direction-check needs "
                "them: set it to 'ecb_fx'"
            )
        if self.panel.n_days is not None:
            raise ValueError("panel.n_days is set; forecasts need every day of the panel, so leave it out")
        return self
