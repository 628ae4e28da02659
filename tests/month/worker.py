"""A worker whose runs are threads of its process: `python -m tests.month.worker POOL`.

A process per run takes seconds of a core: 3,000 of them are hours on two. Polling, states and slots are Prefect's own
worker's; a run cannot be killed without its neighbours, so that interruptions are for pools with processes.
"""

import asyncio
import sys
from functools import partial
from typing import Any

import anyio
from prefect.flow_engine import run_flow
from prefect.workers.base import BaseJobConfiguration, BaseWorker, BaseWorkerResult

from flows.runner import retries
from tests.month.stages import sleep, team_run

FLOWS = {"sleep": sleep, "team-run": team_run}
TYPE = "threads"
PAUSE_SECONDS = 2.0
"""Instead of a minute: the pause before a lost stage is sent again is scaled with the month."""


class ThreadWorker(BaseWorker[Any, Any, Any]):
    """Runs flows of this project's tests."""

    type = TYPE
    job_configuration = BaseJobConfiguration
    n_at_once = 400

    async def run(self, flow_run: Any, configuration: Any, task_status: Any = None) -> BaseWorkerResult:
        """Run a flow to its end."""
        if task_status:
            task_status.started(str(flow_run.id))
        flow = await self.client.read_flow(flow_run.flow_id)
        call = partial(run_flow, FLOWS[flow.name], flow_run=flow_run, return_type="state")
        await anyio.to_thread.run_sync(call, limiter=_limiter())
        return BaseWorkerResult(identifier=str(flow_run.id), status_code=0)


_limiters: list[anyio.CapacityLimiter] = []


def _limiter() -> anyio.CapacityLimiter:
    """One for all runs; by default no more than 40 threads would run."""
    if not _limiters:
        _limiters.append(anyio.CapacityLimiter(ThreadWorker.n_at_once))
    return _limiters[0]


if __name__ == "__main__":
    retries.PAUSE_SECONDS = PAUSE_SECONDS
    asyncio.run(ThreadWorker(work_pool_name=sys.argv[1], name="threads", prefetch_seconds=5).start())
