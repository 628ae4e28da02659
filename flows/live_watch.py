"""The flow that looks at the last swap every half hour, and starts an update when enough outcomes have come."""

import logging
from datetime import UTC, datetime

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.costs.spend import first_start
from flows.live.show import show_line
from flows.live.watch import watch_line
from flows.live_update import ended
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.server.flow_runs import own_run_id, trigger
from tasks.live_update import LiveUpdate
from tasks.store.store import open_store

log = logging.getLogger(__name__)


@flow(name="live-watch", flow_run_name="{recipe.name}", **FLOW_OPTIONS)
def live_watch(recipe: LiveUpdate, starts_updates: bool = True) -> State[str]:
    """Test the last swap on the outcomes since then and roll back if the test crosses; start an update that is due.

    The run's state says what was done: Watching, or RolledBack.

    Args:
        recipe: The line, its outcomes, the test, and how many outcomes make an update due.
        starts_updates: Start an update when `trigger.n_outcomes` have come since the last one.
    """
    run_id = own_run_id()
    with get_client(sync_client=True) as client:
        at = first_start(client, run_id) if run_id else datetime.now(UTC)
    watched = watch_line(recipe, at, run_pipeline, open_store(), f"flow run {flow_run.name}")
    show_line(recipe.line, watched.decision, watched.record)
    if watched.is_due and starts_updates:
        key = by_count_key(recipe.line, watched.before, at)
        started = trigger(recipe.update_deployment, tags=["by-count"], idempotency_key=key, as_subflow=False)
        log.info("%s: %d new outcomes start %s", recipe.line, watched.n_new, started.name)
    return ended(watched.decision)


def by_count_key(line: str, before: str, at: datetime) -> str:
    """At most one run an hour; the server cancels it while an update runs. One that failed is tried again next hour.

    Args:
        line: The line.
        before: Key of its last look; empty without one.
        at: The watch's moment.
    """
    return f"live:{line}:{before or 'first'}:{at.astimezone(UTC):%Y-%m-%dT%H}"
