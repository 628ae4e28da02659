"""A stage that sleeps instead of computing, and a parent that sends it to a pool, as real parents do.

All else is the project's own: the artifact's lock, the build, training states and their upload, resuming, the dispatch.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prefect import flow
from pydantic import Field

from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from flows.server.locks import with_artifact_lock
from tasks.common.settings import Config, state_dir
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import open_store
from tasks.train.pipeline.state_store import States
from tasks.train.pipeline.uploader import publishing
from tasks.train.trainer.state_files import StateInfo, begin, finish, has_room

STATE_BYTES = 200_000
SENT_AGAIN = 20
"""`limits.retries` of a team that rents machines that are taken away."""


class SleepConfig(Config):
    """A stage's work."""

    name: str
    seconds: float = Field(ge=0)
    n_units: int = Field(1, ge=1)
    """Of the same length; after each but the last a training state is written. 1: no training, no states."""
    traces: str
    """Folder of the files that say what was done."""

    def trace(self, what: str, **more: float) -> None:
        """Add a line: what was done, when, by which process. One write, so that lines are whole."""
        line = json.dumps({"what": what, "at": time.time(), "process": os.getpid(), **more}) + "\n"
        with Path(self.traces, f"{self.name}.jsonl").open("a") as file:
            file.write(line)


ARTIFACT_TYPE = ArtifactType[SleepConfig](kind="sleep", revision=1, label=lambda config, inputs: config.name)


@flow(name="sleep")
@with_artifact_lock(ARTIFACT_TYPE)
def sleep(config: SleepConfig) -> ArtifactRef:
    """Publish an artifact after the time of its work, from the newest training state on."""
    store = open_store()
    spec = ARTIFACT_TYPE.spec(config)
    states = States(store, spec) if config.n_units > 1 else None

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        with _work_dir(config) as work:
            _work(config, states, work)
        (folder / "done").write_text(config.name)
        config.trace("made")
        return {}

    ref = build(store, spec, make)
    if states:
        states.drop()
    return ref


def _work(config: SleepConfig, states: States | None, work: Path) -> None:
    newest = states.latest() if states else None
    first = StateInfo.read(newest).step if newest else 0
    spent, started = states.spent_seconds() if states else 0.0, time.monotonic()
    config.trace("started", unit=first)
    with publishing(states, work, lambda: spent + time.monotonic() - started):
        for unit in range(first, config.n_units):
            time.sleep(config.seconds / config.n_units)
            config.trace("unit", unit=unit)
            if unit + 1 < config.n_units and has_room(work):
                _write_state(work, unit + 1, config.n_units)


def _write_state(work: Path, step: int, n_steps: int) -> None:
    part = begin(work, step)
    (part / "weights").write_bytes(os.urandom(STATE_BYTES))
    StateInfo(step, step, n_steps, 1, "sleep").write(part)
    finish(part)


@contextmanager
def _work_dir(config: SleepConfig) -> Iterator[Path]:
    folder = state_dir() / "staging" / f"{config.name}-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def request(config: SleepConfig) -> StageRequest:
    """The stage as its parent sends it to the rented machine."""
    spec = ARTIFACT_TYPE.spec(config)
    return StageRequest(config.name, "sleep/h100", spec, f"month: {config.name}", n_retries=SENT_AGAIN)


@flow(name="team-run")
def team_run(config: SleepConfig) -> None:
    """What a person of the team asks for: a training on the rented machine."""
    dispatch(request(config), open_store())
