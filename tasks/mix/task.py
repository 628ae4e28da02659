"""The mix stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.mix.config import ARTIFACT_TYPE, MixConfig
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="mix", cache_policy=NO_CACHE)
def publish_mix(config: MixConfig, panel: ArtifactRef) -> ArtifactRef:
    """Publish examples to train a chat model on and questions to ask it, unless the store has them.

    Args:
        config: Sources, hold-out and questions.
        panel: The Panel, of currency pairs.

    Returns:
        Reference to a Mix.

    Raises:
        MixError, SamplingError: If a source has a bad row or none, or the panel is not one of pairs with a hold-out.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.mix.build import write_mix

        return write_mix(config, inputs, folder)

    return build(open_store(), ARTIFACT_TYPE.spec(config, {"panel": panel}), make)
