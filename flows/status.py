"""Which artifacts of a pipeline exist, from the store's records alone: nothing is read, hashed or started."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flows.pipelines.pipeline import Pipeline, Step
from flows.stages import STAGES
from tasks.store.errors import ArtifactMissing
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store


@dataclass(frozen=True)
class StepStatus:
    """Where a step's artifact belongs, and what exists there.

    Args:
        step: The step.
        spec: None while the step's inputs do not exist: they decide the artifact's key.
        record: None where no artifact counts.
    """

    step: Step
    spec: ArtifactSpec | None
    record: Record | None

    @property
    def ref(self) -> ArtifactRef | None:
        """The existing artifact."""
        return self.record.ref if self.record else None


def pool_of(step: Step) -> str:
    """The work pool that runs a step."""
    return step.pool or STAGES[step.stage].pools[0]


def spec_of(step: Step, refs: Mapping[str, ArtifactRef]) -> ArtifactSpec:
    """The artifact a step makes.

    Args:
        step: The step.
        refs: Artifacts of the steps it takes as inputs, by those steps' names.
    """
    inputs = {name: refs[source] for name, source in step.inputs.items()}
    return STAGES[step.stage].artifact_type.spec(step.config, inputs)


def step_statuses(
    pipeline: Pipeline, store: Store, rebuilt: Collection[str] = (), requested_by: str = ""
) -> dict[str, StepStatus]:
    """The status of every step, in the pipeline's order.

    Args:
        pipeline: What would run.
        store: Where to look.
        rebuilt: Steps whose artifact counts only if `requested_by` had it rebuilt.
        requested_by: The run that requests the rebuild.
    """
    found: dict[str, StepStatus] = {}
    refs = pipeline.known
    for step in pipeline.steps:
        spec = spec_of(step, refs) if set(step.inputs.values()) <= refs.keys() else None
        record = _record(spec, store, requested_by if step.name in rebuilt else "") if spec else None
        found[step.name] = StepStatus(step, spec, record)
        if record:
            refs[step.name] = record.ref
    return found


def existing_artifacts(pipeline: Pipeline, store: Store) -> dict[str, ArtifactRef]:
    """The artifacts that exist, by step."""
    return {name: status.ref for name, status in step_statuses(pipeline, store).items() if status.ref}


def find_artifacts(pipeline: Pipeline, store: Store, skipped: Collection[str] = ()) -> dict[str, ArtifactRef]:
    """The whole artifacts of all steps but the skipped ones and what needs those, by step.

    Raises:
        ArtifactMissing: With the first step that has none.
        StoreError: If one of them is damaged.
    """
    refs = pipeline.known
    for step in pipeline.steps:
        if step.name in skipped or not set(step.inputs.values()) <= refs.keys():
            continue
        spec = spec_of(step, refs)
        found = store.find(spec)
        if found is None:
            raise ArtifactMissing(f"{step.name} of {pipeline.name} has not run: {spec.path} is not in {store.url}.")
        refs[step.name] = found
    return refs


def find_result(pipeline: Pipeline, store: Store) -> ArtifactRef:
    """The artifact of the pipeline's last step.

    Raises:
        ArtifactMissing: If a step has not run yet.
    """
    return find_artifacts(pipeline, store)[pipeline.result.name]


def _record(spec: ArtifactSpec, store: Store, requested_by: str) -> Record | None:
    try:
        record = store.records.read(spec.path)
    except FileNotFoundError:
        return None
    return record if requested_by in ("", record.requested_by) else None
