"""The merge room's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.artifacts import Checkpoint, ModelFolder
from tasks.merge.config import ROOM, MergeConfig
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="merge", cache_policy=NO_CACHE)
def publish_merge(config: MergeConfig, base: ArtifactRef, train: ArtifactRef) -> ArtifactRef:
    """Merge an adapter into its base and publish the model, unless the store has it.

    Args:
        config: Tolerance and probe prompts.
        base: ModelFolder the adapter was trained on.
        train: Checkpoint with the adapter.

    Returns:
        Reference to a ModelFolder.
    """
    from tasks.merge.write import write_merge

    plan = ROOM.plan(config, {"base": base, "train": train})
    return build(
        open_store(),
        plan,
        lambda inputs, folder: write_merge(
            config, ModelFolder(inputs["base"]), Checkpoint(inputs["train"]), plan.label, folder
        ),
    )
