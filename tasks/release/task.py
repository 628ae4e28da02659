"""The release stage's Prefect task."""

import logging
from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.release.config import ARTIFACT_TYPE, ReleaseConfig
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.staging import staging_folder
from tasks.store.store import open_store

log = logging.getLogger(__name__)


@task(name="release", cache_policy=NO_CACHE)
def publish_release(config: ReleaseConfig, export: ArtifactRef, evaluate: ArtifactRef, dpo: ArtifactRef) -> ArtifactRef:
    """Release an exported model, unless the store has its release.

    Args:
        config: The gates' bounds.
        export: The Exported model.
        evaluate: The DirectionScores of the hold-out.
        dpo: The Checkpoint of the preference training.

    Returns:
        Reference to a Release.

    Raises:
        ReleaseError: If a step fails; nothing is released then.
    """
    store = open_store()
    spec = ARTIFACT_TYPE.spec(config, {"export": export, "evaluate": evaluate, "dpo": dpo})

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.release.verify import write_release

        with staging_folder(spec, "fetched") as work:
            receipt = write_release(config, export, store.url, inputs, folder, work)
        log.info("released: %s, receipt %s", export.path, receipt.name)
        return {"receipt": receipt.name, "n_bytes": receipt.n_bytes}

    return build(store, spec, make)
