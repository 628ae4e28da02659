"""Stages that do nothing but what every stage must, and parents that run five of them in a row, each in its own way.

What is timed is what a real run pays besides its work: these modules import what flows.stages and its parent import.
"""

from pathlib import Path

from prefect import flow
from prefect.deployments import run_deployment

from flows.leakage_premium import leakage_premium
from flows.runner.dispatcher import dispatch
from flows.runner.in_process import run_in_process
from flows.runner.request import StageRequest
from flows.server.locks import with_artifact_lock
from tasks.common.settings import Config
from tasks.store.build import build
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import open_store

N_STAGES = 5
CHILD = "empty-stage/h100"
PLAIN_CHILD = "plain-empty/h100"


class EmptyConfig(Config):
    """One artifact of a few bytes."""

    round: str
    """Which round of the bench, so that none finds another's artifacts."""
    number: int
    """Which of its stages."""


ARTIFACT_TYPE = ArtifactType[EmptyConfig](
    kind="empty", revision=1, label=lambda config, inputs: f"{config.round}-{config.number}"
)


@flow(name="empty-stage")
@with_artifact_lock(ARTIFACT_TYPE)
def empty_stage(config: EmptyConfig) -> ArtifactRef:
    """Publish a few bytes, under the limit every stage holds."""

    def make(inputs: object, folder: Path) -> dict[str, object]:
        (folder / "nothing").write_text(f"{config.number}\n")
        return {}

    return build(open_store(), ARTIFACT_TYPE.spec(config), make)


@flow(name="plain-empty")
def plain_empty() -> None:
    """What Prefect runs where nothing is kept."""


@flow(name="plain")
def plain(round: str) -> None:
    """Five deployments in a row, by Prefect alone."""
    for number in range(N_STAGES):
        run = run_deployment(PLAIN_CHILD, flow_run_name=f"{round}-{number}")
        if not run.state.is_completed():
            raise RuntimeError(f"{run.name} ended {run.state.name}")


@flow(name="dispatched")
def dispatched(round: str) -> None:
    """Five stages in a row, each sent to a process of its own."""
    for number in range(N_STAGES):
        dispatch(request(round, number), open_store())


@flow(name="here")
def here(round: str) -> None:
    """Five stages in a row, in this process, as stages of the parent's own pool run."""
    for number in range(N_STAGES):
        run_in_process(empty_stage, request(round, number), open_store())


def request(round: str, number: int) -> StageRequest:
    """One stage of a round."""
    spec = ARTIFACT_TYPE.spec(EmptyConfig(round=round, number=number))
    return StageRequest(f"empty {number}", CHILD, spec, f"{round}: empty {number}")


# The parent's own imports are part of what a run costs; naming its flow keeps them.
PARENT_OF_REAL_RUNS = leakage_premium.name
