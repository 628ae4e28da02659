"""One run per artifact, on whatever machine: a global concurrency limit of one, named by the artifact's key.

It keeps two machines from building the same thing; what counts is decided by the store, so that a lost limit costs
compute and never an artifact.
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
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, StateType
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectAlreadyExists

from tasks.settings import Config
from tasks.store.refs import ArtifactRef, Plan, Room

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

LEASE_SECONDS = 120.0
"""A run that died holding the limit blocks others for so long, and up to 15 s more until the server looks. Renewed at
three quarters of it; Prefect allows no less than 60."""
FIRST_WORD_SECONDS = 2.0
SAY_EVERY_SECONDS = 30.0


def one_at_a_time(room: Room[Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a stage's function so that no two runs build the same artifact at once.

    Args:
        room: Names the artifact from the function's `config` and its references.
    """

    def decorate(stage: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(stage)
        def alone(*args: P.args, **kwargs: P.kwargs) -> R:
            with only_run(_plan(room, inspect.signature(stage).bind(*args, **kwargs).arguments)):
                return stage(*args, **kwargs)

        return alone

    return decorate


@contextmanager
def only_run(plan: Plan, lease_seconds: float = LEASE_SECONDS) -> Iterator[None]:
    """Hold the artifact's limit, waiting for whoever holds it; the waiting is said with the holder's name.

    Args:
        plan: What shall be built.
        lease_seconds: See LEASE_SECONDS.
    """
    tag, run = artifact_tag(plan), _own_run()
    with get_client(sync_client=True) as client:
        _have_limit(client, tag)
        _tag_own_run(client, tag)
    with ExitStack() as held:
        with _said_while_waiting(plan):
            slot = concurrency(
                tag,
                lease_duration=lease_seconds,
                strict=True,
                holder=ConcurrencyLeaseHolder(type="flow_run", id=run.id) if run else None,
                # A server that was away for a while must not end a training run of days.
                raise_on_lease_renewal_failure=False,
            )
            held.enter_context(slot)
        yield


def artifact_tag(plan: Plan) -> str:
    """The name of the artifact's limit, and the tag of the runs that build it."""
    return f"artifact:{plan.key}"


def _plan(room: Room[Any], arguments: dict[str, Any]) -> Plan:
    config: Config = arguments["config"]
    return room.plan(config, {name: value for name, value in arguments.items() if isinstance(value, ArtifactRef)})


@contextmanager
def _said_while_waiting(plan: Plan) -> Iterator[None]:
    entered, started = Event(), time.monotonic()

    def say() -> None:
        pause = FIRST_WORD_SECONDS
        while not entered.wait(pause):
            log.info("%s: waits for %.0f s: %s", plan.path, time.monotonic() - started, _who(artifact_tag(plan)))
            pause = SAY_EVERY_SECONDS

    # Prefect's settings and the run whose log this is are context variables, which a thread does not inherit.
    thread = Thread(target=copy_context().run, args=(say,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        entered.set()


def _have_limit(client: SyncPrefectClient, name: str) -> None:
    try:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
    except ObjectAlreadyExists:
        return


def _own_run() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.flow_run if context else None


def _tag_own_run(client: SyncPrefectClient, tag: str) -> None:
    # A run that a person triggered has no tag yet; with it parents find it as they find those they sent.
    run = _own_run()
    if run and tag not in run.tags:
        client.update_flow_run(run.id, tags=[*run.tags, tag])


def _who(tag: str) -> str:
    running = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
    )
    own = _own_run()
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=running)
    names = sorted(repr(run.name) for run in runs if not own or run.id != own.id)
    if not names:
        return f"limit {tag} is held by a run that has ended, until its lease runs out"
    return f"limit {tag} is held by {'one of runs ' if len(names) > 1 else 'run '}{', '.join(names)}"
