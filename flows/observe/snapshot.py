"""What runs, waits and has been spent now, read from the server: runs, their log lines, pools and workers.

Nothing is recorded for it: stages write what they write anyway, and the server has it.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Log, StateType, WorkPool, WorkPoolStatus
from prefect.client.schemas.sorting import LogSort

from flows.observe.spend import PoolSpend, spend_since, start_of_day
from flows.server.attempts import ON_THE_MACHINE, pool_of_run, stays_of
from flows.server.flow_runs import is_planned, read_all
from flows.server.tags import is_stage_run
from tasks.common.progress import INTERVAL_SECONDS, ProgressLine, parse_progress
from tasks.costs.prices import load_prices
from tasks.costs.usage import MachineStay, start_of_month
from tasks.train.step_line import StepLine

MAX_AGE_SECONDS = 5.0
"""A page and a scrape within this time share one look at the server."""
WAITING = (StateType.SCHEDULED, StateType.PENDING)
ALIVE = (*WAITING, *ON_THE_MACHINE)
N_LINES = 100
"""Newest lines of a run among which its progress is looked for."""
FRESH_SECONDS = 4 * INTERVAL_SECONDS
"""Work without a line for this long has ended, or hangs: its rate is not the run's any more. A step may take longer."""


@dataclass(frozen=True)
class LiveRun:
    """A run that has not ended.

    Args:
        run_id: Of the server.
        name: In the UI, such as `smoke: train`.
        flow: The stage, or the pipeline for a parent.
        pool: `unknown` if no pool is named.
        state: `running`, `pending`, `scheduled`, `paused` or `cancelling`.
        seconds: In this attempt since it began, or since it was due.
        is_stage: Whether it builds an artifact.
        step: The training's newest line.
        progress: The newest line of other long work.
    """

    run_id: UUID
    name: str
    flow: str
    pool: str
    state: str
    seconds: float
    is_stage: bool
    step: StepLine | None = None
    progress: ProgressLine | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it has no machine yet."""
        return self.state in {kind.value.lower() for kind in WAITING}


@dataclass(frozen=True)
class PoolStatus:
    """A work pool.

    Args:
        name: Of the pool.
        status: `ready`, `not_ready` or `paused`.
        n_workers: Whose heartbeat is recent.
        limit: Runs at a time; None for any number.
    """

    name: str
    status: str
    n_workers: int
    limit: int | None


@dataclass(frozen=True)
class Snapshot:
    """The server at one moment.

    Args:
        at: The moment, in UTC.
        pools: By name.
        runs: That have not ended; those that a schedule plans for later are left out.
        today: Spent since midnight UTC, by pool.
        month: Spent since the month's first day.
        ended: Runs that ended this month, by flow and state.
    """

    at: datetime
    pools: Sequence[PoolStatus]
    runs: Sequence[LiveRun]
    today: Sequence[PoolSpend]
    month: Sequence[PoolSpend]
    ended: Counter[tuple[str, str]]


class Observer:
    """Reads snapshots of the server that this process is a client of. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[float, Snapshot] | None = None
        self._flows: dict[UUID, str] = {}
        self._stays: dict[tuple[UUID, UUID | None], list[MachineStay]] = {}
        """Of runs that have ended in this state: their history changes only with another state."""

    def snapshot(self) -> Snapshot:
        """The server now, or a few seconds ago.

        Raises:
            httpx.HTTPError: If the server does not answer.
        """
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > MAX_AGE_SECONDS:
                with get_client(sync_client=True) as client:
                    self._last = time.monotonic(), self._read(client)
            return self._last[1]

    def _read(self, client: SyncPrefectClient) -> Snapshot:
        now = datetime.now(UTC)
        alive = [run for run in _with_state(client, ALIVE) if not is_planned(run, now)]
        month = start_of_month(now)
        ended = read_all(client, FlowRunFilter(end_time=FlowRunFilterEndTime(after_=month)))
        ended = [run for run in ended if run.state and run.state.is_final()]
        stays = self._stays_of(client, [run for run in (*alive, *ended) if is_stage_run(run.tags)])
        prices = load_prices()
        return Snapshot(
            at=now,
            pools=[_pool(client, pool) for pool in client.read_work_pools()],
            runs=[self._live(client, run, now) for run in alive],
            today=spend_since(stays, start_of_day(now), now, prices),
            month=spend_since(stays, month, now, prices),
            ended=Counter((self._flow(client, run), run.state.type.value.lower()) for run in ended if run.state),
        )

    def _stays_of(self, client: SyncPrefectClient, runs: Sequence[FlowRun]) -> list[MachineStay]:
        known: dict[tuple[UUID, UUID | None], list[MachineStay]] = {}
        stays: list[MachineStay] = []
        for run in runs:
            key = run.id, run.state_id
            had = self._stays[key] if key in self._stays else stays_of(run, client.read_flow_run_states(run.id))
            stays += had
            if run.state and run.state.is_final():
                known[key] = had
        # Those of last month are forgotten.
        self._stays = known
        return stays

    def _live(self, client: SyncPrefectClient, run: FlowRun, now: datetime) -> LiveRun:
        state = run.state.type if run.state else StateType.PENDING
        began = run.expected_start_time if state in WAITING else run.state and run.state.timestamp
        lines = [] if state in WAITING else _newest_lines(client, run)
        return LiveRun(
            run_id=run.id,
            name=run.name,
            flow=self._flow(client, run),
            pool=pool_of_run(run) or "unknown",
            state=state.value.lower(),
            seconds=max((now - began).total_seconds(), 0.0) if began else 0.0,
            is_stage=is_stage_run(run.tags),
            step=next(filter(None, (StepLine.parse(line.message) for line in lines)), None),
            progress=next(filter(None, (parse_progress(line.message) for line in lines if _is_fresh(line, now))), None),
        )

    def _flow(self, client: SyncPrefectClient, run: FlowRun) -> str:
        if run.flow_id not in self._flows:
            self._flows[run.flow_id] = client.read_flow(run.flow_id).name
        return self._flows[run.flow_id]


def _with_state(client: SyncPrefectClient, types: Sequence[StateType]) -> list[FlowRun]:
    wanted = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
    return read_all(client, FlowRunFilter(state=wanted))


def _newest_lines(client: SyncPrefectClient, run: FlowRun) -> list[Log]:
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
    return client.read_logs(wanted, limit=N_LINES, sort=LogSort.TIMESTAMP_DESC)


def _is_fresh(line: Log, now: datetime) -> bool:
    return (now - line.timestamp).total_seconds() < FRESH_SECONDS


def _pool(client: SyncPrefectClient, pool: WorkPool) -> PoolStatus:
    status = "paused" if pool.is_paused else (pool.status or WorkPoolStatus.NOT_READY).value.lower()
    workers = client.read_workers_for_work_pool(pool.name)
    n_online = sum(worker.status is not None and worker.status.value == "ONLINE" for worker in workers)
    return PoolStatus(pool.name, status, n_online, pool.concurrency_limit)
