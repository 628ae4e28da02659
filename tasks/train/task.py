"""The train stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import JsonValue

from tasks.provenance.statement import STATEMENT_NAME
from tasks.schemas.artifacts import Checkpoint, ModelFolder, TextShards
from tasks.schemas.examples import TokenizedExamples
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.staging import staging_folder
from tasks.store.store import open_store
from tasks.train.config import ARTIFACT_TYPE, TrainConfig
from tasks.train.errors import WrongStart

EXAMPLES = "align"
"""Kind of artifact that holds examples; any other is a corpus of text."""


@task(name="train", cache_policy=NO_CACHE)
def publish_train(
    config: TrainConfig, base: ArtifactRef, corpus: ArtifactRef, start: ArtifactRef | None = None
) -> ArtifactRef:
    """Train the arm and publish the checkpoint, unless the store has it.

    A retry, on any machine, resumes from the newest training state in the store.

    Args:
        config: The arm.
        base: ModelFolder to start from.
        corpus: TextShards to train on; for objectives chat and preference TokenizedExamples of the align stage.
        start: Checkpoint of an adapter on the same base, from which this training goes on; by default adapters are new.

    Returns:
        Reference to a Checkpoint.

    Raises:
        TrainError: If the training cannot be done as asked, or failed.
    """
    from tasks.provenance.model_statement import (
        model_statement,
        tuned_model_statement,
        write_model_statement,
        write_tuned_statement,
    )
    from tasks.train.pipeline.state_store import States
    from tasks.train.pipeline.train_arm import train_arm

    store, spec = open_store(), ARTIFACT_TYPE.spec(config, _inputs(base, corpus, start))
    if start and (other := store.record(start).inputs["base"]).digest != base.digest:
        raise WrongStart(
            f"{start.path} is an adapter of another base, {other.path}, than {base.path}; name the base it was trained "
            "on."
        )
    states = States(store, spec)

    def train(rows: TextShards | TokenizedExamples, inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
        goes_on_from = Checkpoint(inputs["start"]) if start else None
        with staging_folder(spec, "work") as work:
            return train_arm(config, ModelFolder(inputs["base"]), rows, folder, work, states, goes_on_from)

    def make(inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
        base_facts = store.record(base).facts
        if corpus.kind == EXAMPLES:
            facts = train(TokenizedExamples(inputs["corpus"]), inputs, folder)
            examples = {"tokenized": corpus.digest, "mix": store.record(corpus).inputs["mix"].digest}
            examples |= {"adapter_before": start.digest} if start else {}
            write_tuned_statement(folder, tuned_model_statement(base_facts, examples, facts, base_digest=base.digest))
            return facts
        corpus_statement = inputs["corpus"] / STATEMENT_NAME
        # Fails before a GPU works if the statement cannot be read. Training sees exactly the budget.
        statement = model_statement(
            base_facts, corpus_statement, config.arm.kind, base_digest=base.digest, tokens_seen=config.token_budget
        )
        facts = train(TextShards(inputs["corpus"]), inputs, folder)
        write_model_statement(folder, statement, corpus_statement)
        return facts

    checkpoint = build(store, spec, make)
    # Also if the checkpoint was found: the machine that published it may have ended before this line.
    states.drop()
    return checkpoint


def _inputs(base: ArtifactRef, corpus: ArtifactRef, start: ArtifactRef | None) -> dict[str, ArtifactRef]:
    return {"base": base, "corpus": corpus} | ({"start": start} if start else {})
