"""The base stage's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.base.config import ARTIFACT_TYPE, BaseConfig
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="base", cache_policy=NO_CACHE)
def publish_base(config: BaseConfig) -> ArtifactRef:
    """Publish the model training starts from, unless the store has it.

    Args:
        config: The model.

    Returns:
        Reference to a ModelFolder.
    """
    from tasks.base.write import write_base

    return build(open_store(), ARTIFACT_TYPE.spec(config), lambda inputs, folder: write_base(config, folder))
