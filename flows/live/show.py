"""What the UI shows of a live line: its looks, the last decision, its versions."""

import logging
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.live.decide import Decision
from flows.live.production import look_refs
from flows.server.flow_runs import artifact_key
from flows.server.versions_table import publish_versions
from tasks.common.settings import state_dir
from tasks.common.text import DASH, duration
from tasks.live.line_page import read_line
from tasks.live.looks import read_look
from tasks.report.line.page import write_line
from tasks.schemas.live import LiveLook, WatchRecord
from tasks.store.store import open_store
from tasks.versions.history import read_history

log = logging.getLogger(__name__)

N_SHOWN = 50
"""Newest looks in the table."""


@task(task_run_name="show", cache_policy=NO_CACHE, persist_result=False)
def show_line(line: str, decision: Decision, swap: WatchRecord | None = None) -> None:
    """Publish the tables `looks-LINE` and `versions-LINE`, the texts `decision-LINE` and `page-LINE`.

    What was decided stands by then: a table that cannot be made is a warning and ends no run.

    Args:
        line: The line.
        decision: What was done.
        swap: How the last swap stands.
    """
    try:
        _publish(line, decision, swap)
    except Exception as error:  # whatever it is: the run has moved production, and must say so
        log.warning("the tables of %s are not up to date: %s", line, error, exc_info=True)


def _publish(line: str, decision: Decision, swap: WatchRecord | None) -> None:
    store = open_store()
    history = read_history(store.objects, line)
    looks = [read_look(store, ref) for ref in look_refs(history)[-N_SHOWN:]]
    create_table_artifact(
        table=cast(list[dict[str, Any]], [look_row(look) for look in reversed(looks)]),
        key=artifact_key("looks", line),
        description=f"{line}: the newest {len(looks)} looks at a candidate, newest first",
    )
    create_markdown_artifact(
        markdown=decision_page(decision, looks[-1] if looks else None, swap),
        key=artifact_key("decision", line),
        description=decision.message,
    )
    current = history.production
    publish_versions(history, f"{current.name} is production" if current else "none is in production")
    page = write_line(read_line(store, line, datetime.now(UTC)), state_dir() / "versions" / line)
    create_markdown_artifact(markdown=page_place(line, page), key=artifact_key("page", line))


def page_place(line: str, page: Path) -> str:
    """Where the line's page lies. A browser on another machine cannot open a file of the worker."""
    return (
        f"The page of {line} is `{page.absolute()}` on {socket.gethostname()}. "
        f"`hindsight versions page {line}` writes it on any machine that reads the store.\n"
    )


def look_row(look: LiveLook) -> dict[str, str]:
    """A look as text."""
    gate = look.gate
    decisive = next(own for own in gate.scores if own.name == gate.decided_by)
    low, high = decisive.interval or (float("nan"), float("nan"))
    return {
        "look": str(gate.look),
        "at (UTC)": f"{look.at:%Y-%m-%d %H:%M}",
        "verdict": gate.verdict,
        "candidate": look.candidate,
        "production": look.production,
        "new outcomes": f"{look.n_new_outcomes:,}",
        "hold-out": f"{gate.first_day} to {gate.last_day}, {gate.n_rows:,} rows",
        f"{gate.decided_by}": f"{decisive.candidate:.4f} against {decisive.production:.4f}",
        "difference": f"{decisive.difference:+.4f} [{low:+.4f}, {high:+.4f}]",
        "level": f"{gate.level:.2g}, {gate.level_left:.2g} left",
        "took": duration(look.cost.seconds),
        "dollars": DASH if look.cost.dollars is None else f"{look.cost.dollars:.2f}",
    }


def decision_page(decision: Decision, look: LiveLook | None, swap: WatchRecord | None) -> str:
    """The decision in markdown: what was done, what the last look found, how the swap stands."""
    parts = [f"## {decision.ending}", decision.message]
    if look:
        row = look_row(look)
        cells = "\n".join(f"| {name} | {value} |" for name, value in row.items())
        parts += ["### The last look", f"| | |\n|---|---|\n{cells}", look.gate.sentence]
    if swap:
        parts += ["### The last swap", swap.sentence]
    return "\n\n".join(parts) + "\n"
