"""The evaluate stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.evaluate.config import ARTIFACT_TYPE, EvaluateConfig
from tasks.schemas.scores import ModelName
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="evaluate", cache_policy=NO_CACHE)
def publish_evaluate(
    config: EvaluateConfig, panel: ArtifactRef, models: dict[ModelName, ArtifactRef] | None = None
) -> ArtifactRef:
    """Publish how often direction forecasts of a panel are right, by split, unless the store has it.

    Args:
        config: Hold-out, models, thresholds, costs and draws.
        panel: The Panel, of currency pairs.
        models: Forecasts of each language model by its name, of those in `config.language_models`.

    Returns:
        Reference to DirectionScores.

    Raises:
        EvaluateError, SamplingError: If the panel or a forecast cannot be evaluated.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.evaluate.build import write_evaluation

        return write_evaluation(config, inputs, folder)

    return build(open_store(), ARTIFACT_TYPE.spec(config, {"panel": panel, **(models or {})}), make)
