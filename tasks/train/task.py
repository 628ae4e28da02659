"""The train stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import JsonValue

from tasks.provenance.statement import STATEMENT_NAME
from tasks.schemas.artifacts import ModelFolder, TextShards
from tasks.schemas.examples import TokenizedExamples
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.staging import staging_folder
from tasks.store.store import open_store
from tasks.train.config import ARTIFACT_TYPE, TrainConfig

EXAMPLES = "align"
"""Kind of artifact that holds examples; any other is a corpus of text."""


@task(name="train", cache_policy=NO_CACHE)
def publish_train(config: TrainConfig, base: ArtifactRef, corpus: ArtifactRef) -> ArtifactRef:
    """Train the arm and publish the checkpoint, unless the store has it.

    A retry, on any machine, resumes from the newest training state in the store.

    Args:
        config: The arm.
        base: ModelFolder to start from.
        corpus: TextShards to train on; for objectives chat and preference TokenizedExamples of the align stage.

    Returns:
        Reference to a Checkpoint.
    """
    from tasks.provenance.model_statement import (
        model_statement,
        tuned_model_statement,
        write_model_statement,
        write_tuned_statement,
    )
    from tasks.train.pipeline.state_store import States
    from tasks.train.pipeline.train_arm import train_arm

    store, spec = open_store(), ARTIFACT_TYPE.spec(config, {"base": base, "corpus": corpus})
    states = States(store, spec)

    def train(rows: TextShards | TokenizedExamples, base_folder: Path, folder: Path) -> dict[str, JsonValue]:
        with staging_folder(spec, "work") as work:
            return train_arm(config, ModelFolder(base_folder), rows, folder, work, states)

    def make(inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
        base_facts = store.record(base).facts
        if corpus.kind == EXAMPLES:
            facts = train(TokenizedExamples(inputs["corpus"]), inputs["base"], folder)
            examples = {"tokenized": corpus.digest, "mix": store.record(corpus).inputs["mix"].digest}
            write_tuned_statement(folder, tuned_model_statement(base_facts, examples, facts, base_digest=base.digest))
            return facts
        corpus_statement = inputs["corpus"] / STATEMENT_NAME
        # Fails before a GPU works if the statement cannot be read. Training sees exactly the budget.
        statement = model_statement(
            base_facts, corpus_statement, config.arm.kind, base_digest=base.digest, tokens_seen=config.token_budget
        )
        facts = train(TextShards(inputs["corpus"]), inputs["base"], folder)
        write_model_statement(folder, statement, corpus_statement)
        return facts

    checkpoint = build(store, spec, make)
    # Also if the checkpoint was found: the machine that published it may have ended before this line.
    states.drop()
    return checkpoint
