"""Running a pipeline from one stage on: that stage and its dependents are rebuilt; what it depends on does not run."""

from typing import Annotated

from pydantic import Field

from flows.pipelines.pipeline import Pipeline
from flows.stages import STAGES
from flows.status import find_artifacts
from tasks.common.errors import HindsightError
from tasks.store.errors import ArtifactMissing
from tasks.store.store import Store

MISSING = "missing"
FromStage = Annotated[str, Field(json_schema_extra={"enum": [MISSING, *STAGES]})]
"""`missing` runs what the store lacks. The list makes a drop-down of the form, and the server refuses other values."""


class StageNotRun(HindsightError):
    """A run from some stage on would have to begin before it."""


def check_from_stage(from_stage: str, pipeline: Pipeline, store: Store) -> None:
    """Check that everything before the stage exists.

    A step that runs before others although its artifact exists (preflight) may be missing: it rents nothing.

    Raises:
        StageNotRun: If the pipeline has no such stage, or with the first missing step before it.
        StoreError: If the artifact of a step before it is damaged.
    """
    if from_stage == MISSING:
        return
    rebuilt = pipeline.stage_and_dependents(from_stage)
    if not rebuilt:
        raise StageNotRun(
            f"from_stage={from_stage!r} is not a stage of {pipeline.name}; its stages are "
            f"{', '.join(dict.fromkeys(step.stage for step in pipeline.steps))}."
        )
    try:
        find_artifacts(pipeline, store, rebuilt | {step.name for step in pipeline.steps if step.rerun_until_built})
    except ArtifactMissing as error:
        raise StageNotRun(
            f"from_stage={from_stage!r} runs nothing before it, but {error} Choose {MISSING!r}, which runs every step "
            "without an artifact."
        ) from error
