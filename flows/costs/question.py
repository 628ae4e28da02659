"""A question from a run to a person: the run pauses, the UI shows a form, and an answer or a timeout ends the wait."""

import time
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.input import RunInput
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import Paused

from flows.server.flow_runs import retry_on_outage
from tasks.common.errors import HindsightError

A = TypeVar("A", bound=RunInput)

POLL_SECONDS = 2.0
GRACE_SECONDS = 300
"""The server fails a paused run this much later, so that the run ends first and with its own message."""
MAX_ANSWERS = 200


class NotAsked(HindsightError):
    """The run could not be paused, or was ended while it waited."""


def ask(run_id: UUID, subject: str, question: str, form: type[A], seconds: float) -> A | None:
    """Pause this process's flow run until a person resumes it with an answer; call it in the flow's own thread.

    Prefect's `pause_flow_run(wait_for_input=)` puts no message into the state, and notifications and lists of runs show
    only that message (Prefect 3.8.8).

    Args:
        run_id: The run.
        subject: Names the run's questions of this kind.
        question: Shown as the state's message and above the form.
        form: The fields of the answer with their defaults.
        seconds: How long to wait.

    Returns:
        The answer; None if none came.

    Raises:
        NotAsked: If the run cannot be paused, or is ended by somebody meanwhile.
    """
    key = f"{subject}-{len(answers(run_id, subject, 'schema'))}"
    paused: State[Any] = Paused(timeout_seconds=int(seconds) + GRACE_SECONDS, pause_key=key, message=question)
    keyset = keyset_from_paused_state(paused)
    paused.state_details.run_input_keyset = dict(keyset)  # type: ignore[arg-type]
    form = form.with_initial_data(description=question)
    form.save(keyset, run_id)
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        accepted = client.set_flow_run_state(run_id, paused)
        if accepted.status != SetStateStatus.ACCEPT:
            raise NotAsked(f"run {run_id} could not be paused to ask ({accepted.details}); retry it. {question}")
        while time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            state = retry_on_outage(lambda: client.read_flow_run(run_id).state, subject)
            if state is not None and state.is_running():
                return _answer(client, run_id, keyset["response"], form)
            if state is None or not state.is_paused():
                raise NotAsked(f"run {run_id} was ended while it asked: {question}")
    return None


def _answer(client: SyncPrefectClient, run_id: UUID, key: str, form: type[A]) -> A:
    """The answer; the form's defaults if the run was resumed without one, of which the server keeps nothing."""
    given = client.filter_flow_run_input(run_id, key, 1, set())
    return form.model_validate(given[0].decoded_value if given else {})


def answers(run_id: UUID, subject: str, part: str = "response") -> list[dict[str, object]]:
    """The answers to a run's questions of this kind, in order, over all of its attempts.

    Args:
        run_id: The run.
        subject: As given to `ask`.
        part: `response`, or `schema` for the questions themselves.
    """
    with get_client(sync_client=True) as client:
        found = client.filter_flow_run_input(run_id, f"paused-{subject}-", MAX_ANSWERS, set())
    by_number = {int(each.key.split("-")[2]): each for each in found if each.key.endswith(f"-{part}")}
    return [by_number[number].decoded_value for number in sorted(by_number)]
