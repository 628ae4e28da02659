"""Stages of the parent's own pool run in its process, as runs of their own in the UI: no second process starts.

A retry of the parent finds what they published in the store, as it does for a stage elsewhere (decision 0014).
"""

import logging
import os
import time
from importlib import import_module
from threading import Lock
from typing import Any

from prefect import Flow, tags

from flows.runner.request import StageRequest, find
from flows.server.flow_runs import retry_on_outage
from tasks.common.errors import BadEnvironment
from tasks.costs.hardware import POOLS, current_pool
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

log = logging.getLogger(__name__)

VARIABLE = "HINDSIGHT_OWN_STAGES"
WAYS = ("in_process", "remote")
"""`remote`: every stage in a process of its own, such as where each run of the pool gets a small container."""

LOADED_ONCE = ("AutoConfig", "AutoTokenizer", "AutoModelForCausalLM", "Qwen3_5MoeForCausalLM")
"""transformers imports its modules lazily and in circles: two threads that use it first at the same moment get half
made modules (ImportError: cannot import name, seen)."""
_loading = Lock()


def runs_in_process(request: StageRequest) -> bool:
    """Whether the stage's pool is this process's own, and costs nothing while the parent waits for other pools.

    Raises:
        BadEnvironment: If the environment has an unknown value.
    """
    way = os.environ.get(VARIABLE, WAYS[0])
    if way not in WAYS:
        raise BadEnvironment(
            f"{VARIABLE}={way!r} is unknown; set it to in_process (formerly here) or remote (formerly sent)."
        )
    return way == "in_process" and request.pool == current_pool() and POOLS[request.pool].gpu is None


def run_in_process(
    stage: Flow[Any, ArtifactRef], request: StageRequest, store: Store, uses_transformers: bool = True
) -> ArtifactRef:
    """Run a stage in this process unless its artifact exists.

    Args:
        stage: Its flow.
        request: What it must build.
        store: Where artifacts are.
        uses_transformers: Whether the stage imports transformers.

    Raises:
        HindsightError: As the stage itself does.
    """
    if (found := find(request, store)) and not request.always:
        return found
    log.info("%s: runs in this process as run %r", request.step, request.run_name)
    started = time.monotonic()
    if uses_transformers:
        _load_transformers()

    def attempt() -> ArtifactRef:
        with tags(*request.all_tags):
            made: ArtifactRef = stage.with_options(flow_run_name=request.run_name)(**request.arguments)
        return made

    # Prefect creates the stage's run by a new connection, and gives up at once while the server is away. What was
    # published before an outage is found in the store.
    ref = retry_on_outage(attempt, request.step)
    log.info("%s: done in %.0f s (%s)", request.step, time.monotonic() - started, ref.path)
    return ref


def _load_transformers() -> None:
    with _loading:
        transformers = import_module("transformers")
        for name in LOADED_ONCE:
            getattr(transformers, name)
