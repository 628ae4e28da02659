"""The recall stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.probe.recall.config import ARTIFACT_TYPE, RecallConfig
from tasks.schemas.scores import ModelName
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="recall", cache_policy=NO_CACHE)
def publish_recall(
    config: RecallConfig,
    items: ArtifactRef,
    panel: ArtifactRef,
    models: dict[ModelName, ArtifactRef],
    premium: ArtifactRef | None = None,
) -> ArtifactRef:
    """Publish what the recall probes found, by model and pair of models, unless the store has it.

    Args:
        config: Cutoffs, compared models, periods and draws.
        items: The ProbeItems that all models were asked.
        panel: The Panel that the questions are about.
        models: ProbeAnswers of each model by its name.
        premium: The PremiumScores, whose predictions tell which rows carry the lookahead; none where there are none.

    Returns:
        Reference to a Recall.

    Raises:
        RecallError: If answers, items and panel do not fit together.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.probe.recall.build import write_recall

        return write_recall(config, inputs, folder)

    inputs = {"items": items, "panel": panel, **models, **({"premium": premium} if premium else {})}
    return build(open_store(), ARTIFACT_TYPE.spec(config, inputs), make)
