"""The embed stage's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.embed.config import ARTIFACT_TYPE, EmbedConfig
from tasks.schemas.artifacts import ModelFolder, Panel
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="embed", cache_policy=NO_CACHE)
def publish_embed(config: EmbedConfig, panel: ArtifactRef, model: ArtifactRef) -> ArtifactRef:
    """Publish one model's last-token states of a panel, unless the store has them.

    Args:
        config: Batching and limits.
        panel: Panel with a sentence per row.
        model: ModelFolder, base or merged.

    Returns:
        Reference to Embeddings.
    """
    from tasks.embed.write import write_states

    spec = ARTIFACT_TYPE.spec(config, {"panel": panel, "model": model})
    return build(
        open_store(),
        spec,
        lambda inputs, folder: write_states(config, Panel(inputs["panel"]), ModelFolder(inputs["model"]), folder),
    )
