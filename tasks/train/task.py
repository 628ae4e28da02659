"""The train room's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.artifacts import ModelFolder, TextShards
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store, staging_folder
from tasks.train.config import ROOM, TrainConfig


@task(name="train", cache_policy=NO_CACHE)
def publish_train(config: TrainConfig, base: ArtifactRef, corpus: ArtifactRef) -> ArtifactRef:
    """Train the arm and publish its adapters, unless the store has them.

    Args:
        config: The arm.
        base: ModelFolder to start from.
        corpus: TextShards to train on.

    Returns:
        Reference to a Checkpoint.
    """
    from tasks.train.write import train_lora

    plan = ROOM.plan(config, {"base": base, "corpus": corpus})
    with staging_folder() as work:
        return build(
            open_store(),
            plan,
            lambda inputs, folder: train_lora(
                config, ModelFolder(inputs["base"]), TextShards(inputs["corpus"]), folder, work
            ),
        )
