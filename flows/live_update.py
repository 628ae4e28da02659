"""The flow that a schedule or the watch starts: the adapter in production learns from new outcomes."""

from datetime import UTC, datetime

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.costs.spend import first_start
from flows.live.decide import Decision
from flows.live.show import show_line
from flows.live.slots import missed
from flows.live.update import update_line
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.server.flow_runs import own_run_id
from tasks.live_update import LiveUpdate
from tasks.store.store import open_store


@flow(name="live-update", flow_run_name="{recipe.name}", **FLOW_OPTIONS)
def live_update(recipe: LiveUpdate) -> State[str]:
    """Train a candidate from production on new outcomes, and promote it only if it is better on the newest days.

    One runs at a time: a slot that comes due meanwhile is cancelled, and one that was missed ends as Skipped. The run's
    state says what was done: Promoted, Kept, NothingNew, AwaitsReview or Skipped. Whatever fails, production stays as
    it was.

    Args:
        recipe: The line, its outcomes, the training, the gate.
    """
    run_id = own_run_id()
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id) if run_id else None
        # The same at each retry of the run.
        at = first_start(client, run_id) if run_id else datetime.now(UTC)
    is_slot = bool(run and run.auto_scheduled)
    if run and is_slot and run.expected_start_time and (why := missed(run.expected_start_time, at, recipe)):
        return ended(Decision("Skipped", why))
    by = f"flow run {flow_run.name}"
    decision = update_line(recipe, at, run_pipeline, open_store(), by, may_be_long=not is_slot)
    show_line(recipe.line, decision)
    return ended(decision)


def ended(decision: Decision) -> State[str]:
    """The run's last state, named by what was done."""
    return Completed(name=decision.ending, message=decision.message)
