"""The probe stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.probe.answers.config import ARTIFACT_TYPE, ProbeAnswersConfig
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.probe import ProbeItems
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="probe", cache_policy=NO_CACHE)
def publish_probe(config: ProbeAnswersConfig, model: ArtifactRef, items: ArtifactRef) -> ArtifactRef:
    """Publish what a language model answers to a run's items, unless the store has it.

    Args:
        config: Batching, windows and chat template.
        model: ModelFolder of a causal language model, base or merged.
        items: The ProbeItems.

    Returns:
        Reference to ProbeAnswers.

    Raises:
        UnusableModel: If the model predicts no tokens.
        UnusableQuestion: If an item cannot be put to it.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.probe.answers.write import write_answers

        return write_answers(config, ModelFolder(inputs["model"]), ProbeItems(inputs["items"]), folder)

    return build(open_store(), ARTIFACT_TYPE.spec(config, {"model": model, "items": items}), make)
