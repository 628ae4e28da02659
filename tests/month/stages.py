"""A stage that sleeps instead of computing, and the flows around it.

All else is the project's own: the artifact's lock, the build, training states and their upload, the pipeline's runner.
"""

import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from pydantic import AwareDatetime, Field

from flows.pipelines.pipeline import Pipeline, Step
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.server.locks import artifact_lock
from flows.stages import Stage
from tasks.common.settings import Config
from tasks.costs.limits import Limits
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.staging import staging_folder
from tasks.store.store import open_store
from tasks.train.pipeline.state_store import States
from tasks.train.pipeline.uploader import publishing
from tasks.train.trainer.state_files import StateInfo, begin, finish, has_room
from tests.month.traces import trace

STATE_BYTES = 200_000
LIMITS = Limits(retries=10)
"""As large as the recipe lets it be: of a team whose machines are taken away."""


class SleepConfig(Config):
    """A stage's work."""

    name: str
    seconds: float = Field(ge=0)
    n_units: int = Field(1, ge=1)
    """Of the same length; after each but the last a training state is written. 1: no training, no states."""
    traces: str
    """Folder of the files that say what was done."""

    @property
    def file(self) -> Path:
        """Its traces."""
        return Path(self.traces, f"{self.name}.jsonl")


ARTIFACT_TYPE = ArtifactType[SleepConfig](kind="sleep", revision=1, label=lambda config, inputs: config.name)


@task(name="sleep", cache_policy=NO_CACHE)
def publish_sleep(config: SleepConfig) -> ArtifactRef:
    """Publish an artifact after the time of its work, from the newest training state on."""
    store, spec = open_store(), ARTIFACT_TYPE.spec(config)
    states = States(store, spec) if config.n_units > 1 else None
    is_made = False

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        nonlocal is_made
        _work(config, states)
        (folder / "done").write_text(config.name)
        is_made = True
        return {}

    try:
        ref = build(store, spec, make)
    except Exception as error:
        trace(config.file, "failed", why=f"{type(error).__name__}: {error}")
        raise
    if is_made:
        trace(config.file, "published")
    if states:
        states.drop()
    return ref


def _work(config: SleepConfig, states: States | None) -> None:
    newest = states.latest() if states else None
    first = StateInfo.read(newest).step if newest else 0
    spent, started = states.spent_seconds() if states else 0.0, time.monotonic()
    trace(config.file, "started", unit=first)
    with (
        staging_folder(ARTIFACT_TYPE.spec(config), "work") if states else nullcontext(Path()) as work,
        publishing(states, work, lambda: spent + time.monotonic() - started),
    ):
        for unit in range(first, config.n_units):
            # By the clock, so that a slow machine does not stretch what stands for a GPU's time.
            due = started + (unit + 1 - first) * config.seconds / config.n_units
            time.sleep(max(0.0, due - time.monotonic()))
            trace(config.file, "unit", unit=unit)
            if unit + 1 < config.n_units and has_room(work):
                _write_state(work, unit + 1, config.n_units)


def _write_state(work: Path, step: int, n_steps: int) -> None:
    part = begin(work, step)
    (part / "weights").write_bytes(os.urandom(STATE_BYTES))
    StateInfo(step, step, n_steps, 1, "sleep").write(part)
    finish(part)


STAGE = Stage(ARTIFACT_TYPE, publish_sleep, pools=("h100", "cpu"), uses_transformers=False)
"""Not in the registry of a process that only looks at what was made: `worker` puts it there."""
sleep = STAGE.flow


class TrainingConfig(Config):
    """What a person of the team asks for."""

    train: SleepConfig
    seconds: float
    """Of the stages before and after it, in the parent's process."""

    def pipeline(self) -> Pipeline:
        """Three steps, of which the rented machine runs one."""
        before, after = (
            SleepConfig(name=f"{part}-{self.train.name}", seconds=self.seconds, traces=self.train.traces)
            for part in ("data", "report")
        )
        steps = (
            Step("data", "sleep", before, pool="cpu"),
            Step("train", "sleep", self.train, after=("data",), pool="h100"),
            Step("report", "sleep", after, after=("train",), pool="cpu"),
        )
        return Pipeline(self.train.name, steps, limits=LIMITS)


@flow(name="team-run", **FLOW_OPTIONS)
def team_run(config: TrainingConfig) -> None:
    """Run the pipeline of one training."""
    run_pipeline(config.pipeline())


class Slots(Config):
    """The slots of one schedule."""

    name: str
    anchor: AwareDatetime
    """The first one."""
    interval_seconds: float
    n_slots: int
    seconds: float
    """Of the work of each."""
    traces: str

    def config_of(self, number: int) -> SleepConfig:
        """What the flow of a slot makes."""
        return SleepConfig(name=f"{self.name}-{number}", seconds=self.seconds, traces=self.traces)


@flow(name="slot")
def slot(slots: Slots) -> str:
    """What a schedule starts: the artifact of its slot, in this process."""
    due = runtime.flow_run.scheduled_start_time
    number = round((due - slots.anchor).total_seconds() / slots.interval_seconds)
    if not 0 <= number < slots.n_slots:
        return "beyond the month"
    config = slots.config_of(number)
    with artifact_lock(ARTIFACT_TYPE.spec(config)):
        return publish_sleep.fn(config).path
