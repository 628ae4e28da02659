"""The registry: one row per stage. Its flow, its deployments and the choices of `from_stage` follow from the row.

`flows.stages.<stage>` is the stage's flow, as prefect.yaml names it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prefect import Flow, Task, flow
from prefect.task_runners import TaskRunner

from flows.server.locks import with_artifact_lock
from flows.server.timeouts import stage_seconds
from tasks.align.config import ARTIFACT_TYPE as ALIGN
from tasks.align.task import publish_align
from tasks.base.config import ARTIFACT_TYPE as BASE
from tasks.base.task import publish_base
from tasks.corpus.config import ARTIFACT_TYPE as CORPUS
from tasks.corpus.task import corpus_task_runner, publish_corpus
from tasks.embed.config import ARTIFACT_TYPE as EMBED
from tasks.embed.task import publish_embed
from tasks.evaluate.config import ARTIFACT_TYPE as EVALUATE
from tasks.evaluate.task import publish_evaluate
from tasks.export.config import ARTIFACT_TYPE as EXPORT
from tasks.export.task import publish_export
from tasks.forecast.config import ARTIFACT_TYPE as FORECAST
from tasks.forecast.task import publish_forecast
from tasks.live.look_config import LOOK, SWAP
from tasks.live.outcomes_config import ARTIFACT_TYPE as OUTCOMES
from tasks.live.task import publish_look, publish_outcomes, publish_swap
from tasks.merge.config import ARTIFACT_TYPE as MERGE
from tasks.merge.task import publish_merge
from tasks.mix.config import ARTIFACT_TYPE as MIX
from tasks.mix.task import publish_mix
from tasks.panel.config import ARTIFACT_TYPE as PANEL
from tasks.panel.kaggle.config import ARTIFACT_TYPE as PRICES
from tasks.panel.task import publish_panel, publish_prices
from tasks.preflight.artifact import ARTIFACT_TYPE as PREFLIGHT
from tasks.preflight.artifact import AUDIT_TYPE as PREFLIGHT_AUDIT
from tasks.preflight.artifact import RELEASE_TYPE as PREFLIGHT_RELEASE
from tasks.preflight.task import publish_preflight, publish_preflight_audit, publish_preflight_release
from tasks.premium.config import ARTIFACT_TYPE as PREMIUM
from tasks.premium.task import publish_premium
from tasks.probe.answers.config import ARTIFACT_TYPE as PROBE
from tasks.probe.answers.task import publish_probe
from tasks.probe.items.config import ARTIFACT_TYPE as PROBE_ITEMS
from tasks.probe.items.task import publish_probe_items
from tasks.probe.recall.config import ARTIFACT_TYPE as RECALL
from tasks.probe.recall.task import publish_recall
from tasks.release.config import ARTIFACT_TYPE as RELEASE
from tasks.release.task import publish_release
from tasks.report.config import ARTIFACT_TYPE as REPORT
from tasks.report.direction.config import ARTIFACT_TYPE as DIRECTION_REPORT
from tasks.report.release.config import ARTIFACT_TYPE as RELEASE_REPORT
from tasks.report.task import publish_direction_report, publish_release_report, publish_report
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tasks.train.task import publish_train
from tasks.vectors.config import ARTIFACT_TYPE as VECTORS
from tasks.vectors.task import publish_vectors


@dataclass(frozen=True)
class Stage:
    """One row of the registry.

    Args:
        artifact_type: What the stage publishes; its kind is the stage's name.
        publish: The stage's task: config and inputs to the reference of its artifact.
        pools: Work pools with a deployment of the stage, the default one first.
        uses_transformers: Whether the stage imports transformers; False only where it certainly does not.
        task_runner: Of its flow; None for Prefect's default.
    """

    artifact_type: ArtifactType[Any]
    publish: Task[Any, ArtifactRef]
    pools: tuple[str, ...] = ("cpu",)
    uses_transformers: bool = True
    task_runner: Callable[[], TaskRunner[Any]] | None = None

    @property
    def name(self) -> str:
        """Of the stage, its flow and its artifacts' kind."""
        return self.artifact_type.kind

    @functools.cached_property
    def flow(self) -> Flow[Any, ArtifactRef]:
        """What a pool runs and the UI retries: the task under the artifact's lock, with the task's parameters."""

        @functools.wraps(self.publish.fn)
        def run(*args: Any, **kwargs: Any) -> ArtifactRef:
            ref: ArtifactRef = self.publish(*args, **kwargs)
            return ref

        alone = with_artifact_lock(self.artifact_type)(run)
        alone.__module__, alone.__name__ = __name__, self.name
        runner = self.task_runner() if self.task_runner else None
        return flow(name=self.name, timeout_seconds=stage_seconds(), task_runner=runner)(alone)


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(BASE, publish_base),
        Stage(CORPUS, publish_corpus, task_runner=corpus_task_runner),
        Stage(PRICES, publish_prices, uses_transformers=False),
        Stage(PANEL, publish_panel, uses_transformers=False),
        Stage(PREFLIGHT, publish_preflight),
        Stage(PREFLIGHT_AUDIT, publish_preflight_audit),
        Stage(TRAIN, publish_train, pools=("h100", "h100x8")),
        Stage(MERGE, publish_merge, pools=("h100", "cpu")),
        Stage(EMBED, publish_embed, pools=("h100", "cpu")),
        Stage(VECTORS, publish_vectors, uses_transformers=False),
        Stage(PREMIUM, publish_premium, uses_transformers=False),
        Stage(REPORT, publish_report, uses_transformers=False),
        Stage(EVALUATE, publish_evaluate, uses_transformers=False),
        Stage(DIRECTION_REPORT, publish_direction_report, uses_transformers=False),
        Stage(MIX, publish_mix, uses_transformers=False),
        Stage(ALIGN, publish_align),
        Stage(PREFLIGHT_RELEASE, publish_preflight_release),
        Stage(FORECAST, publish_forecast, pools=("h100", "cpu")),
        Stage(EXPORT, publish_export, pools=("cpu", "h100")),
        Stage(RELEASE, publish_release, pools=("cpu", "h100"), uses_transformers=False),
        Stage(RELEASE_REPORT, publish_release_report, uses_transformers=False),
        Stage(OUTCOMES, publish_outcomes, uses_transformers=False),
        Stage(LOOK, publish_look, uses_transformers=False),
        Stage(SWAP, publish_swap, uses_transformers=False),
        Stage(PROBE_ITEMS, publish_probe_items, uses_transformers=False),
        Stage(PROBE, publish_probe, pools=("h100", "cpu")),
        Stage(RECALL, publish_recall, uses_transformers=False),
    )
}


def __getattr__(name: str) -> Flow[Any, ArtifactRef]:
    """The flow of a stage, for entry points such as `flows.stages.train`."""
    if name in STAGES:
        return STAGES[name].flow
    raise AttributeError(f"module {__name__} has no stage {name!r}; it has {', '.join(STAGES)}")
