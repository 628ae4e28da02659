"""The one way an artifact comes to be: found and whole means done, else fetch, make, publish."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.store.again import asker_of, find_built
from tasks.store.exclusive import only_builder
from tasks.store.refs import ArtifactRef, Plan
from tasks.store.spent import Meter, current_meter
from tasks.store.staging import staging_folder
from tasks.store.store import Store

log = logging.getLogger(__name__)

Facts = dict[str, JsonValue]
Make = Callable[[Mapping[str, Path], Path], Facts]
"""From the inputs' folders and an empty folder to the facts; leaves the artifact's files in the folder."""


def build(store: Store, plan: Plan, make: Make) -> ArtifactRef:
    """Return the planned artifact, building it only if it is not in the store, or if it was asked for again.

    On one machine a second builder of the same artifact waits for the first.

    Args:
        store: Where artifacts lie.
        plan: What is wanted.
        make: Called with the fetched inputs and an empty folder.

    Raises:
        StoreError: If an input or the artifact itself is missing, damaged or drifted.
    """
    if found := _found(store, plan):
        return found
    meter = current_meter()
    with only_builder(plan):
        # Another builder may have published between the question and the lock.
        return _found(store, plan) or _make(store, plan, make, meter)


def _found(store: Store, plan: Plan) -> ArtifactRef | None:
    if found := find_built(store, plan, asker_of(plan)):
        log.info("%s: found in the store, nothing to do", found.path)
    return found


def _make(store: Store, plan: Plan, make: Make, meter: Meter) -> ArtifactRef:
    started = time.monotonic()
    inputs = {name: store.fetch(ref) for name, ref in plan.inputs.items()}
    with staging_folder(plan) as folder:
        facts = make(inputs, folder)
        return store.publish(plan, folder, facts, time.monotonic() - started, meter=meter, rebuilt_for=asker_of(plan))
