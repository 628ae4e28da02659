"""What was spent this month and by whom, and whether a budget of configs/budgets.yaml lets a run go on."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterEndTime, FlowRunFilterId, FlowRunFilterState
from prefect.client.schemas.filters import FlowRunFilterStateType as StateTypes

from flows.server.attempts import ON_THE_MACHINE, stays_of
from flows.server.flow_runs import read_all
from flows.server.tags import is_stage_run, parents_among
from flows.server.who import who
from tasks.costs.budgets import Expense
from tasks.costs.prices import Prices, charge
from tasks.costs.usage import MachineStay, start_of_month
from tasks.rent.machines import Machine, list_machines
from tasks.store.store import Store

UNATTENDED = ("SCHEDULE", "AUTOMATION")
"""Who created a run that nobody watches, as Prefect names it."""


def month_expenses(client: SyncPrefectClient, store: Store, prices: Prices, now: datetime) -> list[Expense]:
    """Dollars of this month: of every run that built an artifact, and of every rented machine.

    A rented machine's whole bill counts, also while it starts and idles; the runs on it are then not counted once more.

    Args:
        client: Of the server that knows the runs.
        store: Holds the records of rented machines.
        prices: Dollars.
        now: Running stages and machines are counted up to this moment.
    """
    month = start_of_month(now)
    machines = list_machines(store).machines
    runs = [run for run in _runs_since(client, month) if is_stage_run(run.tags)]
    payers = _read(client, {parent for run in runs for parent in parents_among(run.tags)} | _renters(machines))
    found = list(_of_machines(machines, payers, month, now))
    for run in runs:
        stays = [stay for stay in stays_of(run, client.read_flow_run_states(run.id)) if not _is_rented(stay, machines)]
        amount = sum(charge(prices.find(stay.pool), stay.seconds_since(month, now)) or 0.0 for stay in stays)
        if amount:
            # Of several parents that wait for one run the first is named; budgets of the tags of all are charged.
            own = [payers[each] for each in sorted(parents_among(run.tags)) if each in payers] or [run]
            tags = frozenset(tag for each in (run, *own) for tag in each.tags)
            found.append(Expense(who(own[0]), own[0].name, amount, tags))
    return found


def is_unattended(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether a schedule or an automation started a run, or the run that started it: nobody would answer."""
    while True:
        if run.auto_scheduled or (run.created_by and run.created_by.type in UNATTENDED):
            return True
        if run.parent_task_run_id is None:
            return False
        owner = client.read_task_run(run.parent_task_run_id).flow_run_id
        if owner is None:
            return False
        run = client.read_flow_run(owner)


def _runs_since(client: SyncPrefectClient, month: datetime) -> Iterator[FlowRun]:
    alive = FlowRunFilterState(type=StateTypes(any_=list(ON_THE_MACHINE)))
    yield from read_all(client, FlowRunFilter(end_time=FlowRunFilterEndTime(after_=month)))
    yield from (run for run in read_all(client, FlowRunFilter(state=alive)) if run.end_time is None)


def _renters(machines: Iterable[Machine]) -> set[UUID]:
    return {UUID(machine.terms.run) for machine in machines if machine.terms.run}


def _read(client: SyncPrefectClient, ids: Collection[UUID]) -> dict[UUID, FlowRun]:
    """Runs by id; those that the server has forgotten are absent."""
    if not ids:
        return {}
    return {run.id: run for run in read_all(client, FlowRunFilter(id=FlowRunFilterId(any_=sorted(ids))))}


def _of_machines(
    machines: Sequence[Machine], payers: dict[UUID, FlowRun], month: datetime, now: datetime
) -> Iterator[Expense]:
    for machine in machines:
        if amount := machine.dollars(now, month):
            renter = payers.get(UUID(machine.terms.run)) if machine.terms.run else None
            name = who(renter) if renter else machine.events[0].by
            yield Expense(name, f"machine {machine.name}", amount, frozenset(machine.terms.tags))


def _is_rented(stay: MachineStay, machines: Iterable[Machine]) -> bool:
    """Whether a rented machine's bill contains a stay."""
    for machine in machines:
        stopped = machine.find("stopped")
        if (
            machine.terms.pool == stay.pool
            and machine.rented_at <= stay.began
            and (stopped is None or stay.began <= stopped.at)
        ):
            return True
    return False
