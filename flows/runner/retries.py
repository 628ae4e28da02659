"""Whether another attempt of a stage may succeed where one ended without its artifact."""

from prefect.client.schemas import FlowRun

from flows.server.flow_runs import PREAMBLE
from tasks.corpus.errors import SourceUnreachable
from tasks.store.errors import StoreUnreachable

PASSING_ERRORS = (StoreUnreachable, SourceUnreachable)
"""A server that gave no answer for minutes; one that refused is not among them."""
PAUSE_SECONDS = 60.0
"""Before another attempt: what is away gets time to come back, and a lost machine's worker to start."""


def may_pass(run: FlowRun) -> bool:
    """Whether what ended a run can pass: its machine or process was lost, or the store or a source was away.

    Anything that the stage itself refused, a time limit, a cancel and a run that completed are final.

    Args:
        run: Ended.
    """
    if run.state is None or run.state.is_crashed():
        return run.state is not None
    # Of a run in another process the server has the error's name and sentence only.
    error = (run.state.message or "").removeprefix(PREAMBLE).partition(":")[0]
    return run.state.is_failed() and error in {passing.__name__ for passing in PASSING_ERRORS}
