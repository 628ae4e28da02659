"""Artifact locks: only one run at a time builds an artifact, on any machine.

A lock is a global concurrency limit of one with a lease, named by the artifact's key. The store decides which artifact
counts, so losing a lock may waste compute but cannot damage an artifact.
"""

import functools
import inspect
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from threading import Event, Thread
from typing import Any, ParamSpec, TypeVar

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType
from prefect.context import FlowRunContext

from flows.server.arguments import inputs_among
from flows.server.attempts import meter_of, pool_tag
from flows.server.flow_runs import retry_on_outage, runs_tagged
from flows.server.limits import ensure_limit, held_limit, recreate_limit
from flows.server.tags import artifact_tag, requester_among
from tasks.common.logs import About, lines_about
from tasks.common.settings import Config
from tasks.costs.hardware import current_pool
from tasks.costs.usage import metered
from tasks.store.rebuild import rebuild_for
from tasks.store.refs import ArtifactSpec, ArtifactType

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

LOCK_LEASE_SECONDS = 360.0
"""Renewed at three quarters of it, so that the server may be unreachable for 90 s before a running run loses its lock.
A run that died holding it blocks others this long only if the server has not recorded that it died."""
FIRST_LOG_SECONDS = 2.0
LOG_EVERY_SECONDS = 30.0
MAY_HOLD = {StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING}
DIED = {StateType.CRASHED, StateType.CANCELLED, StateType.FAILED}


def with_artifact_lock(artifact_type: ArtifactType[Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a stage's function so that no two runs build the same artifact at once.

    Args:
        artifact_type: Names the artifact from the function's `config` and its references.
    """

    def decorate(stage: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(stage)
        def alone(*args: P.args, **kwargs: P.kwargs) -> R:
            with artifact_lock(_spec(artifact_type, inspect.signature(stage).bind(*args, **kwargs).arguments)):
                return stage(*args, **kwargs)

        return alone

    return decorate


@contextmanager
def artifact_lock(spec: ArtifactSpec, lease_seconds: float = LOCK_LEASE_SECONDS) -> Iterator[None]:
    """Hold the artifact's limit, waiting for its holder. The wait is logged with the holder's name.

    Args:
        spec: What is built.
        lease_seconds: See LOCK_LEASE_SECONDS.
    """
    tag, run, started = artifact_tag(spec), _own_run(), time.monotonic()
    with ExitStack() as held:
        held.enter_context(lines_about(About(str(run.id) if run else None, spec.kind, spec.key)))
        retry_on_outage(lambda: _prepare(tag), spec.path)
        with _logged_while_waiting(spec):
            retry_on_outage(lambda: held.enter_context(held_limit(tag, lease_seconds, run)), spec.path)
        waited = time.monotonic() - started
        requested_by = requester_among(run.tags) if run else ""
        with (
            metered(retry_on_outage(lambda: meter_of(run, tag, started, waited), spec.path)),
            rebuild_for(spec, requested_by),
        ):
            yield


def _spec(artifact_type: ArtifactType[Any], arguments: dict[str, Any]) -> ArtifactSpec:
    config: Config = arguments["config"]
    return artifact_type.spec(config, inputs_among(arguments))


@contextmanager
def _logged_while_waiting(spec: ArtifactSpec) -> Iterator[None]:
    entered, started = Event(), time.monotonic()

    def log_wait() -> None:
        pause = FIRST_LOG_SECONDS
        while not entered.wait(pause):
            if not _free_lock_of_dead_holder(artifact_tag(spec)):
                log.info("%s: waits for %.0f s: %s", spec.path, time.monotonic() - started, _holder(artifact_tag(spec)))
            pause = LOG_EVERY_SECONDS

    # Prefect's settings and the current run are context variables, which a thread does not inherit.
    thread = Thread(target=copy_context().run, args=(log_wait,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        entered.set()


def _prepare(tag: str) -> None:
    with get_client(sync_client=True) as client:
        ensure_limit(client, tag)
        _tag_own_run(client, tag)


def _own_run() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.flow_run if context else None


def _tag_own_run(client: SyncPrefectClient, tag: str) -> None:
    # Parents find runs by this tag. A run that a person started gets it here.
    run, pool = _own_run(), current_pool()
    # A run inside another's process has no work pool that identifies its machine.
    wanted = {tag, pool_tag(pool)} if run and pool and run.work_pool_name is None else {tag}
    if run and (missing := wanted - set(run.tags)):
        client.update_flow_run(run.id, tags=[*run.tags, *sorted(missing)])


def _holder(tag: str) -> str:
    """Which run holds the lock, for the log."""
    with get_client(sync_client=True) as client:
        names = sorted(repr(run.name) for run in _others(client, tag) if run.state and run.state.type in MAY_HOLD)
    if names:
        return f"limit {tag} is held by {'one of runs ' if len(names) > 1 else 'run '}{', '.join(names)}"
    return f"limit {tag} is held by a run that has ended, until its lease runs out"


def _free_lock_of_dead_holder(tag: str) -> bool:
    with get_client(sync_client=True) as client:
        states = {run.state.type for run in _others(client, tag) if run.state}
        is_dead = bool(states & DIED) and not states & MAY_HOLD
        if is_dead:
            recreate_limit(client, tag)
            log.info("limit %s was held by a run that has died, and is free again", tag)
    return is_dead


def _others(client: SyncPrefectClient, tag: str) -> list[FlowRun]:
    own = _own_run()
    return [run for run in runs_tagged(client, tag) if own is None or run.id != own.id]
