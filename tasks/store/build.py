"""Build an artifact: return it if it exists and is whole, else fetch its inputs, make it and publish it."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.costs.usage import Meter, current_meter
from tasks.store.rebuild import find_artifact, requester_of
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.staging import builder_lock, staging_folder
from tasks.store.store import Store

log = logging.getLogger(__name__)

Facts = dict[str, JsonValue]
Make = Callable[[Mapping[str, Path], Path], Facts]
"""From the inputs' folders and an empty folder to the facts; writes the artifact's files into the folder."""


def build(store: Store, spec: ArtifactSpec, make: Make) -> ArtifactRef:
    """Return the artifact of a spec, building it only if the store lacks it or a rebuild was requested.

    On one machine a second builder of the same artifact waits for the first.

    Raises:
        StoreError: If an input or the artifact itself is missing, damaged or of another identity.
    """
    if found := _find(store, spec):
        return found
    meter = current_meter()
    with builder_lock(spec):
        # Another builder may have published before the lock was acquired.
        return _find(store, spec) or _make(store, spec, make, meter)


def _find(store: Store, spec: ArtifactSpec) -> ArtifactRef | None:
    if found := find_artifact(store, spec, requester_of(spec)):
        log.info("%s: found in the store, nothing to do", found.path)
    return found


def _make(store: Store, spec: ArtifactSpec, make: Make, meter: Meter) -> ArtifactRef:
    started = time.monotonic()
    inputs = {name: store.fetch(ref) for name, ref in spec.inputs.items()}
    with staging_folder(spec) as folder:
        facts = make(inputs, folder)
        return store.publish(
            spec, folder, facts, time.monotonic() - started, meter=meter, requested_by=requester_of(spec)
        )
