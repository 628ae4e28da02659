"""The merge stage's Prefect task."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import JsonValue

from tasks.common.settings import state_dir
from tasks.merge.config import ARTIFACT_TYPE, MergeConfig
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="merge", cache_policy=NO_CACHE)
def publish_merge(config: MergeConfig, base: ArtifactRef, train: ArtifactRef) -> ArtifactRef:
    """Merge a checkpoint with its base and publish the model, unless the store has it.

    Finished files stay on this machine until the model is published; a retry on it resumes from them.

    Args:
        config: Number format, tolerance and prompts.
        base: ModelFolder that was trained.
        train: Checkpoint with the adapter, or with the full weights.

    Returns:
        Reference to a ModelFolder.
    """
    from tasks.merge.write import write_merge
    from tasks.provenance.model_statement import carry_model_statement

    spec = ARTIFACT_TYPE.spec(config, {"base": base, "train": train})
    work_dir = state_dir() / "work" / f"merge-{spec.key}"

    def make(inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
        checkpoint = Checkpoint(inputs["train"])
        facts = write_merge(config, ModelFolder(inputs["base"]), checkpoint, spec.label, folder, work_dir)
        carry_model_statement(checkpoint.path, folder)
        return facts

    published = build(open_store(), spec, make)
    shutil.rmtree(work_dir, ignore_errors=True)
    return published
