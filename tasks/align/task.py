"""The align stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.align.config import ARTIFACT_TYPE, AlignConfig
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import Mix
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="align", cache_policy=NO_CACHE)
def publish_align(config: AlignConfig, base: ArtifactRef, mix: ArtifactRef) -> ArtifactRef:
    """Publish a mix's examples as token ids of a base, unless the store has them.

    Args:
        config: Objective, longest example, chat template.
        base: ModelFolder whose tokenizer and chat template are used.
        mix: The Mix.

    Returns:
        Reference to TokenizedExamples.

    Raises:
        AlignError: If the template does not fit an example, or too many examples are too long.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.align.write import write_examples

        return write_examples(config, ModelFolder(inputs["base"]), Mix(inputs["mix"]), folder)

    return build(open_store(), ARTIFACT_TYPE.spec(config, {"base": base, "mix": mix}), make)
