"""A version that a person put into production or took back: how its run ends, and how people are told from a terminal.

The automation `hindsight: live` tells people of runs by the name of their last state. A move at a terminal has no run:
an event with the same labels stands for its last state.
"""

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.events import Event
from prefect.states import Completed

from flows.server.flow_runs import server_required
from tasks.versions.history import Version

ENDINGS = {"promote": "Promoted", "roll back": "RolledBack"}
"""Names of the last states of a run that changed what is in production, by the move."""
FLOW = "versions"
"""The flow by which a person moves a version in the UI."""


def moved(line: str, version: Version) -> State[str]:
    """The last state of a run that moved a version: its name is that of a live update's, if production changed."""
    last = version.moves[-1]
    message = f"{line} {version.name}: {version.state}, {last.action} by {last.by}: {last.why}"
    return Completed(name=ENDINGS.get(last.action, "Completed"), message=message)


def event_of(line: str, version: Version) -> Event:
    """What a move at a terminal sends: of a run's last state what the automation reads of it."""
    state, last = moved(line, version), version.moves[-1]
    return Event(
        event=f"hindsight.versions.{state.name}",
        resource={
            "prefect.resource.id": f"hindsight.versions.{line}",
            "prefect.resource.name": f"{last.action} {line}",
            "prefect.state-name": str(state.name),
            "prefect.state-message": str(state.message),
        },
        related=[
            {
                "prefect.resource.id": f"hindsight.command.{FLOW}",
                "prefect.resource.role": "flow",
                "prefect.resource.name": FLOW,
            }
        ],
    )


def tell(line: str, version: Version) -> None:
    """Tell people of a move that was made without a run, by the server's automations.

    Raises:
        NoServer: If the server does not take the event.
    """
    with server_required(), get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event_of(line, version).model_dump(mode="json")])
