"""The train room's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import JsonValue

from tasks.provenance.statement import STATEMENT_NAME
from tasks.schemas.artifacts import ModelFolder, TextShards
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.staging import staging_folder
from tasks.store.store import open_store
from tasks.train.config import ARTIFACT_TYPE, TrainConfig


@task(name="train", cache_policy=NO_CACHE)
def publish_train(config: TrainConfig, base: ArtifactRef, corpus: ArtifactRef) -> ArtifactRef:
    """Train the arm and publish what was trained, unless the store has it.

    Called again after a failure, on whatever machine, it goes on from the newest training state in the store.

    Args:
        config: The arm.
        base: ModelFolder to start from.
        corpus: TextShards to train on.

    Returns:
        Reference to a Checkpoint.
    """
    from tasks.provenance.model_statement import model_statement, write_model_statement
    from tasks.train.pipeline.state_store import States
    from tasks.train.pipeline.train_arm import train_arm

    store, spec = open_store(), ARTIFACT_TYPE.spec(config, {"base": base, "corpus": corpus})
    states = States(store, spec)

    def make(inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
        said = inputs["corpus"] / STATEMENT_NAME
        # Before a GPU works: a corpus whose statement cannot be read is refused. The budget is what will be seen.
        statement = model_statement(
            store.record(base).facts,
            said,
            config.arm.kind,
            base_digest=base.digest,
            tokens_seen=config.token_budget,
        )
        with staging_folder(spec, "work") as work:
            facts = train_arm(config, ModelFolder(inputs["base"]), TextShards(inputs["corpus"]), folder, work, states)
        write_model_statement(folder, statement, said)
        return facts

    checkpoint = build(store, spec, make)
    # Also where the checkpoint was found: the machine that published it may have ended before this line.
    states.drop()
    return checkpoint
