"""A stage that lasts until somebody opens its gate, and a parent that sends some of them, as real parents do."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from flows.server.locks import with_artifact_lock
from tasks.common.settings import Config
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import open_store
from tests.waiting import GENEROUS_SECONDS

N_FILES = 20


class GateConfig(Config):
    """A stage and its gate."""

    folder: str
    """Where the gate will stand, and where each start leaves a line."""
    name: str
    """The gate's file."""
    n_bytes: int = 1_000
    """What is published when it opens."""

    @property
    def gate(self) -> Path:
        """Opened by making the file."""
        return Path(self.folder, f"{self.name}.open")

    @property
    def starts(self) -> Path:
        """A line for each time the work was begun."""
        return Path(self.folder, f"{self.name}.starts")


ARTIFACT_TYPE = ArtifactType[GateConfig](kind="gated", revision=1, label=lambda config, inputs: config.name)


@flow(name="gated")
@with_artifact_lock(ARTIFACT_TYPE)
def gated(config: GateConfig) -> ArtifactRef:
    """Wait at the gate, then publish."""

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        with config.starts.open("a") as starts:
            starts.write("started\n")
        deadline = time.monotonic() + GENEROUS_SECONDS
        while not config.gate.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody opened {config.gate}")
            time.sleep(0.2)
        for number in range(N_FILES):
            (folder / f"{number}").write_bytes(os.urandom(config.n_bytes // N_FILES))
        return {}

    return build(open_store(), ARTIFACT_TYPE.spec(config), make)


def request(config: GateConfig) -> StageRequest:
    """The stage as its parent sends it."""
    return StageRequest(f"gated {config.name}", "gated/test", ARTIFACT_TYPE.spec(config), f"test: gated {config.name}")


@task(task_run_name="{config.name}", cache_policy=NO_CACHE, persist_result=False)
def step(config: GateConfig) -> ArtifactRef:
    """Send one stage, as flows.leakage_premium does."""
    return dispatch(request(config), open_store())


@flow(name="gated-parent")
def gated_parent(first: GateConfig, second: GateConfig, last: GateConfig) -> None:
    """Two stages side by side, and one that is sent when both are done."""
    sent = [step.submit(first), step.submit(second)]
    step.submit(last, wait_for=sent).result()
