"""The table of all runs and the figure of what they spent: in Prefect's artifacts, as CSV, as SVG and PNG."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException

from flows.runs.format import as_csv, as_json_table, as_markdown, run_cells
from flows.runs.read_rows import run_rows
from flows.runs.row import RunRow
from flows.server.flow_runs import server_required
from tasks.common.errors import HindsightError
from tasks.common.settings import state_dir
from tasks.store.store import open_store

log = logging.getLogger(__name__)

TABLE_KEY = "runs"
SPEND_KEY = "spend-by-run"
N_IN_UI = 100
"""Newest runs that the UI's table shows; the CSV has all."""


def publish_runs_table() -> None:
    """Bring the artifact `runs` up to date: a table of the newest runs.

    It never fails the run it follows; a failure is logged.
    """
    try:
        rows = run_rows(open_store(), N_IN_UI)
        description = (
            f"The newest {len(rows)} runs; `hindsight runs --csv FILE` writes all. "
            "Dollars are of the stages a run built itself, and with those it found."
        )
        _publish("table", TABLE_KEY, as_json_table([run_cells(row) for row in rows]), description)
    except (HindsightError, OSError, httpx.HTTPError, PrefectException) as error:
        log.warning("the table of all runs is not up to date: %s", " ".join(str(error).split()))


def publish_after_run(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A flow's hook: brings the table up to date with the run that has just ended.

    Args:
        flow: Prefect hands it in.
        flow_run: The run.
        state: Its last state.
    """
    publish_runs_table()


def publish_spend_by_run() -> None:
    """Bring the figure of spend by run up to date, with the CSV beside it, and link them. Never fails its run."""
    folder = state_dir() / "runs"
    try:
        rows = run_rows(open_store())
        write_csv(rows, folder / "runs.csv")
        write_figure(rows, folder / "spend.svg")
        links = [f"[{file.name}]({file.absolute().as_uri()})" for file in (folder / "spend.svg", folder / "runs.csv")]
        newest = as_markdown([run_cells(row) for row in rows[:N_IN_UI]])
        text = f"Spend by run: {links[0]}. All {len(rows)} runs: {links[1]}.\n\n{newest}"
        _publish("markdown", SPEND_KEY, text, "Spend by run, and every run")
    except (HindsightError, OSError, httpx.HTTPError, PrefectException) as error:
        log.warning("the figure of spend by run is not up to date: %s", " ".join(str(error).split()))


def read_runs() -> list[RunRow]:
    """Every run the server knows, newest first.

    Raises:
        NoServer: If none answers.
    """
    with server_required():
        return run_rows(open_store())


def write_csv(rows: Sequence[RunRow], file: Path) -> None:
    """Write all runs as CSV."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(as_csv(rows), encoding="utf-8", newline="")


def write_figure(rows: Sequence[RunRow], file: Path) -> None:
    """Draw what the runs have spent, as `.svg` or `.png`."""
    from flows.runs.spend_figure import spend_bars, write_spend

    file.parent.mkdir(parents=True, exist_ok=True)
    write_spend(spend_bars(rows), file)


def _publish(kind: str, key: str, data: str, description: str) -> None:
    """By the client, because a flow's hook runs outside of its run's context."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    with get_client(sync_client=True) as client:
        client.create_artifact(
            ArtifactCreate(type=kind, key=key, data=data, description=description, flow_run_id=run.id if run else None)
        )
