"""The vectors stage's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.schemas.artifacts import Panel
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store
from tasks.vectors.config import ARTIFACT_TYPE, VectorsConfig


@task(name="vectors", cache_policy=NO_CACHE)
def publish_vectors(config: VectorsConfig, panel: ArtifactRef) -> ArtifactRef:
    """Publish vectors that a user brings, row for row with a panel, unless the store has them.

    Args:
        config: The files and their columns.
        panel: The panel.

    Returns:
        Reference to Embeddings.

    Raises:
        VectorsError: If a file cannot be used, or its keys do not match the panel's rows.
    """
    from tasks.vectors.join import write_vectors

    spec = ARTIFACT_TYPE.spec(config, {"panel": panel})
    return build(open_store(), spec, lambda inputs, folder: write_vectors(config, Panel(inputs["panel"]), folder))
