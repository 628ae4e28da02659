"""The stages as the pipeline sees them, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prefect import Flow, Task

from flows import stages
from tasks.base.config import ARTIFACT_TYPE as BASE
from tasks.base.task import publish_base
from tasks.corpus.config import ARTIFACT_TYPE as CORPUS
from tasks.corpus.task import publish_corpus
from tasks.embed.config import ARTIFACT_TYPE as EMBED
from tasks.embed.task import publish_embed
from tasks.merge.config import ARTIFACT_TYPE as MERGE
from tasks.merge.task import publish_merge
from tasks.panel.config import ARTIFACT_TYPE as PANEL
from tasks.panel.kaggle.config import ARTIFACT_TYPE as PRICES
from tasks.panel.task import publish_panel, publish_prices
from tasks.preflight.artifact import ARTIFACT_TYPE as PREFLIGHT
from tasks.preflight.task import publish_preflight
from tasks.premium.config import ARTIFACT_TYPE as PREMIUM
from tasks.premium.task import publish_premium
from tasks.report.config import ARTIFACT_TYPE as REPORT
from tasks.report.task import publish_report
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tasks.train.task import publish_train


@dataclass(frozen=True)
class Stage:
    """A stage as the pipeline sees it.

    Args:
        room: Names its artifacts.
        publish: The room's task; its `fn` runs inline.
        flow: What its pools run.
    """

    room: ArtifactType[Any]
    publish: Task[Any, ArtifactRef]
    flow: Flow[Any, ArtifactRef]

    @property
    def inline(self) -> Callable[..., ArtifactRef]:
        """The plain function, for a run without a server."""
        plain: Callable[..., ArtifactRef] = self.publish.fn
        return plain


STAGES: dict[str, Stage] = {
    "base": Stage(BASE, publish_base, stages.base),
    "corpus": Stage(CORPUS, publish_corpus, stages.corpus),
    "prices": Stage(PRICES, publish_prices, stages.prices),
    "panel": Stage(PANEL, publish_panel, stages.panel),
    "preflight": Stage(PREFLIGHT, publish_preflight, stages.preflight),
    "train": Stage(TRAIN, publish_train, stages.train),
    "merge": Stage(MERGE, publish_merge, stages.merge),
    "embed": Stage(EMBED, publish_embed, stages.embed),
    "premium": Stage(PREMIUM, publish_premium, stages.premium),
    "report": Stage(REPORT, publish_report, stages.report),
}


def stage_of(step: str) -> Stage:
    """The stage a step such as `embed base` runs."""
    return STAGES[stage_name(step)]


def stage_name(step: str) -> str:
    """`embed` for `embed base`."""
    return step.split()[0]
