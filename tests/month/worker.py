"""A worker whose runs are forks of a process that has imported everything.

A run in a new interpreter takes 5 CPU seconds before its first line: 3,000 of them are two hours of two cores. Polling,
states and slots are Prefect's own worker's; a run is a process of its own, which can be killed.
"""

import asyncio
import atexit
import multiprocessing
import os
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
from prefect.client.schemas import FlowRun
from prefect.engine import handle_engine_signals
from prefect.flow_engine import load_flow_run, run_flow
from prefect.workers.base import BaseJobConfiguration, BaseWorker, BaseWorkerResult

from flows.stages import STAGES
from tasks.store import s3_client
from tests.month.stages import STAGE, sleep, slot, team_run

STAGES[STAGE.name] = STAGE
FLOWS = {flow.name: flow for flow in (sleep, slot, team_run)}
TYPE = "forks"
PROCESSES = multiprocessing.get_context("forkserver")
# What is imported late is imported here: a second of it would be minutes of a machine, at the scale of the month.
PROCESSES.set_forkserver_preload([__name__, s3_client.__name__, "botocore.client", "botocore.endpoint"])
MOST_RUNS = 500
RUNS = "MONTH_RUNS"
"""Variable that names the folder in which a worker notes the processes of its runs."""


class ForkWorker(BaseWorker[Any, Any, Any]):
    """Runs the flows of a month."""

    type = TYPE
    job_configuration = BaseJobConfiguration
    _runs = anyio.CapacityLimiter(MOST_RUNS)

    async def run(self, flow_run: FlowRun, configuration: Any, task_status: Any = None) -> BaseWorkerResult:
        """Run a flow to the end of its process."""
        flow = await self.client.read_flow(flow_run.flow_id)
        process = PROCESSES.Process(target=_execute, args=(flow.name, flow_run.id, dict(os.environ)))
        await anyio.to_thread.run_sync(process.start, limiter=self._runs)
        note = Path(os.environ[RUNS], str(process.pid))
        note.write_text(str(flow_run.id))
        if task_status:
            task_status.started(str(process.pid))
        await anyio.to_thread.run_sync(process.join, limiter=self._runs)
        with suppress(FileNotFoundError):
            note.unlink()
        return BaseWorkerResult(identifier=str(process.pid), status_code=process.exitcode or 0)


def start_worker(pool: str, name: str, limit: int | None, environment: Mapping[str, str]) -> BaseProcess:
    """Start a worker in a process of its own.

    Args:
        pool: What it serves.
        name: Of the worker.
        limit: Of its runs at the same time.
        environment: Of them, beside this process's.
    """
    process = PROCESSES.Process(target=_serve, args=(pool, name, limit, {**os.environ, **environment}))
    process.start()
    return process


def _serve(pool: str, name: str, limit: int | None, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    worker = ForkWorker(work_pool_name=pool, name=name, limit=limit, prefetch_seconds=3)
    asyncio.run(worker.start())


def _execute(flow_name: str, run_id: UUID, environment: dict[str, str]) -> None:
    """As `python -m prefect.engine` does, without loading the flow's code."""
    os.environ.update(environment)
    try:
        with handle_engine_signals(run_id):
            run_flow(FLOWS[flow_name], flow_run=load_flow_run(run_id))
    finally:
        # Logs and events are sent at the interpreter's exit, which processes of this kind skip.
        atexit._run_exitfuncs()
