"""The driver of a month: asks for work, lets things go wrong, retries as a person would, looks at the end."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import AwaitingRetry, Scheduled

from flows.server.flow_runs import retry_on_outage
from tests.month.faults import let_happen
from tests.month.findings import Outcome, read_outcome
from tests.month.plan import Month
from tests.month.runs import alive, runs_in
from tests.month.site import site_of
from tests.month.stages import SleepConfig, Slots, TrainingConfig, slot
from tests.month.traces import attempts_of

LOOK_SECONDS = 10.0
LEAD_SECONDS = 60.0
"""Until the first hour, so that a busy server knows each schedule before its first slot: it makes up for none."""
PERSON_HOURS = 2.0
"""From a failure until somebody sees it and clicks Retry."""
MOST_IDLE_SECONDS = 900.0
"""Without anything new published: what is missing then is lost."""


def run_month(month: Month, folder: Path) -> tuple[Outcome, list[dict[str, object]]]:
    """Run a month on servers and workers of its own, inside of `as_client`.

    Args:
        month: What is asked for.
        folder: For state, store, disks and traces; this process's environment names it.

    Returns:
        What it came to, and the faults as they happened.
    """
    traces = folder / "traces"
    traces.mkdir(parents=True)
    with site_of(month, folder) as site:
        began = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS)
        slots, schedules = start_schedules(month, began, traces)
        trainings = ask_for_trainings(month, began, traces)
        person = Person(PERSON_HOURS * month.hour_seconds)
        for fault in month.faults():
            person.wait_until(moment(month, began, fault.hour))
            let_happen(fault, site, month)
        person.wait_until(moment(month, began, month.hours))
        flows = [own.config_of(number) for own in slots for number in range(own.n_slots)]
        person.wait_until(all_published(flows))
        stop_schedules(schedules)
        person.wait_until(all_published([each.train for each in trainings]))
        person.wait_until(nothing_alive, seconds=MOST_IDLE_SECONDS)
        return read_outcome(month, flows, trainings, site.happened, person.n_asked), site.happened


def moment(month: Month, began: datetime, hour: float) -> Callable[[], bool]:
    """Whether an hour of the month has come."""
    due = began.timestamp() + hour * month.hour_seconds
    return lambda: time.time() >= due


def start_schedules(month: Month, began: datetime, traces: Path) -> tuple[list[Slots], list[tuple[UUID, UUID]]]:
    """A deployment per schedule, on the server's own scheduler; the slots, and deployments with their schedules."""
    interval, made, schedules = month.interval_hours * month.hour_seconds, [], []
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(slot)
        for number in range(month.n_schedules):
            # Less than an interval from now, so that the scheduler knows no slot before the first one.
            anchor = began + timedelta(seconds=interval * number / month.n_schedules)
            own = Slots(
                name=f"schedule-{number}",
                anchor=anchor,
                interval_seconds=interval,
                n_slots=month.n_slots,
                seconds=month.flow_hours * month.hour_seconds,
                traces=str(traces),
            )
            schedule = IntervalSchedule(interval=timedelta(seconds=interval), anchor_date=anchor)
            deployment_id = client.create_deployment(
                flow_id=flow_id,
                name=own.name,
                work_pool_name="cpu",
                entrypoint="tests.month.stages.slot",
                parameters={"slots": own.model_dump(mode="json")},
                schedules=[DeploymentScheduleCreate(schedule=schedule)],
            )
            made.append(own)
            schedules += [(deployment_id, each.id) for each in client.read_deployment(deployment_id).schedules]
    return made, schedules


def stop_schedules(schedules: Sequence[tuple[UUID, UUID]]) -> None:
    """The month is over; what is planned beyond it is deleted by the server."""
    with get_client(sync_client=True) as client:
        for deployment_id, schedule_id in schedules:
            client.update_deployment_schedule(deployment_id, schedule_id, active=False)


def ask_for_trainings(month: Month, began: datetime, traces: Path) -> list[TrainingConfig]:
    """A run for each, due at its hour."""
    wanted = []
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("team-run/cpu")
        for number, hour in enumerate(month.training_hours_due()):
            train = SleepConfig(
                name=f"training-{number}",
                seconds=month.training_hours * month.hour_seconds,
                n_units=month.n_units,
                traces=str(traces),
            )
            wanted.append(TrainingConfig(train=train, seconds=month.flow_hours * month.hour_seconds))
            client.create_flow_run_from_deployment(
                deployment.id,
                parameters={"config": wanted[-1].model_dump(mode="json")},
                state=Scheduled(scheduled_time=began + timedelta(hours=hour * month.hour_seconds / 3_600)),
                name=train.name,
            )
    return wanted


class Person:
    """Who looks at the UI from time to time and clicks Retry on what has failed.

    Args:
        seconds: From a failure until it is seen.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.n_asked = 0

    def wait_until(self, is_over: Callable[[], bool], seconds: float = float("inf")) -> None:
        """Wait, at most for so long, and look meanwhile."""
        deadline = time.monotonic() + seconds
        while not is_over() and time.monotonic() < deadline:
            with suppress(httpx.HTTPError, PrefectHTTPStatusError), get_client(sync_client=True) as client:
                self.retry(client)
            time.sleep(LOOK_SECONDS)

    def retry(self, client: SyncPrefectClient) -> None:
        """Retry parents and scheduled flows, not the stages that parents have sent."""
        for run in runs_in(client, [StateType.FAILED, StateType.CRASHED]):
            if run.state and time.time() - run.state.timestamp.timestamp() >= self.seconds:
                client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
                self.n_asked += 1


def all_published(work: Sequence[SleepConfig]) -> Callable[[], bool]:
    """Whether the traces of all of it say that it is published, or nothing new has been for long."""
    missing, moved_at = {config.name: config for config in work}, time.monotonic()

    def are_all() -> bool:
        nonlocal moved_at
        found = [name for name, own in missing.items() if any(each.published for each in attempts_of(own.file))]
        for name in found:
            del missing[name]
        moved_at = time.monotonic() if found else moved_at
        return not missing or time.monotonic() - moved_at > MOST_IDLE_SECONDS

    return are_all


def nothing_alive() -> bool:
    """Whether every run has ended."""
    with get_client(sync_client=True) as client:
        return not retry_on_outage(lambda: alive(client), "runs that are alive")
