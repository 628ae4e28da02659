"""Flows that a worker of an installation runs."""

import time
from pathlib import Path

from prefect import flow

from tasks.store.receipts import verify
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store
from tests.store.small_artifact import published


@flow
def publish_and_verify(folder: str) -> ArtifactRef:
    """Publish an artifact to the environment's store, and read every byte of it back with a new client."""
    verify(artifact := published(open_store(), Path(folder)))
    return artifact


@flow
def wait_for(gate: str) -> None:
    """End when the file exists."""
    while not Path(gate).exists():
        time.sleep(0.2)
