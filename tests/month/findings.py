"""What a month came to: plan, kill times and traces against the server's states and the store's records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client

from tasks.store.catalogue import record_paths
from tasks.store.leases import list_leases
from tasks.store.store import Store, open_store
from tests.month.plan import Month
from tests.month.runs import UNSUCCESSFUL, alive, runs_in
from tests.month.stages import ARTIFACT_TYPE, SleepConfig, TrainingConfig
from tests.month.traces import Attempt, attempts_of, lost_seconds

Happened = Sequence[Mapping[str, Any]]
DOLLARS_PER_HOUR = 2.39
"""Of an H100 in the reference's write-up, as it says; not asked of the price list, which is what is checked."""

MOST_OVERHEAD = 0.05
SLACK = 0.01
"""A bill below what was worked is as wrong; clocks of two processes and rounding are within it."""


@dataclass(frozen=True)
class Cost:
    """Machine time of all trainings, in real seconds.

    Args:
        ideal_seconds: Of the plan.
        lost_seconds: Of attempts that were killed or failed, since the state that the next one went on from, by the
            moments of the kills and the stages' traces.
        unnoticed_seconds: From the death of a whole machine until the server said that its run had crashed.
        billed_seconds: By the records of the artifacts: their own attempts and the failed ones before.
        billed_dollars: By the same records.
    """

    ideal_seconds: float
    lost_seconds: float
    unnoticed_seconds: float
    billed_seconds: float
    billed_dollars: float

    @property
    def overhead(self) -> float:
        """Part of the bill beyond ideal, lost and unnoticed."""
        return (self.billed_seconds - self.unnoticed_seconds) / (self.ideal_seconds + self.lost_seconds) - 1


@dataclass(frozen=True)
class Outcome:
    """A month's findings; lists are empty where the laws hold.

    Args:
        n_flows: Scheduled flows planned.
        n_trainings: Trainings planned.
        missing: What was planned and has no artifact, or no receipt of one made on a rented machine.
        twice: What was published, or a scheduled flow begun, more than once; trainings at which two processes worked.
        unexplained: Attempts that ended, and neither the plan nor their own traces say why.
        held: Slots, leases and runs that are left.
        failed: Runs that ended without success and were not repeated.
        n_attempts: At trainings.
        n_killed: Of them, killed.
        n_failed: Of them, failed by themselves, such as on a full disk.
        n_resumed: Of them, begun behind the first unit.
        n_asked_again: Retries by a person.
        cost: Of the trainings.
    """

    n_flows: int
    n_trainings: int
    missing: list[str]
    twice: list[str]
    unexplained: list[str]
    held: list[str]
    failed: list[str]
    n_attempts: int
    n_killed: int
    n_failed: int
    n_resumed: int
    n_asked_again: int
    cost: Cost

    def broken_laws(self) -> list[str]:
        """A sentence for each law that does not hold."""
        cost, names = self.cost, ("missing", "failed", "twice", "unexplained", "held")
        found = [f"{name}: {', '.join(getattr(self, name))}" for name in names if getattr(self, name)]
        if self.n_attempts != self.n_trainings + self.n_killed + self.n_failed:
            found.append(
                f"{self.n_attempts} attempts at {self.n_trainings} trainings that ended without success "
                f"{self.n_killed} + {self.n_failed} times"
            )
        if not -SLACK <= cost.overhead <= MOST_OVERHEAD:
            found.append(f"billed {cost.overhead:+.1%} beyond ideal, lost and unnoticed; at most {MOST_OVERHEAD:.0%}")
        dollars = DOLLARS_PER_HOUR * cost.billed_seconds / 3_600
        if not abs(cost.billed_dollars - dollars) <= 0.001 * dollars:
            found.append(f"${cost.billed_dollars:.4f} billed for what costs ${dollars:.4f}")
        return found

    def as_json(self) -> dict[str, object]:
        """For the benchmark's file."""
        return asdict(self) | {"overhead": self.cost.overhead, "broken_laws": self.broken_laws()}


def read_outcome(
    month: Month, flows: Sequence[SleepConfig], asked: Sequence[TrainingConfig], happened: Happened, n_asked: int
) -> Outcome:
    """Look at the end of a month, as a client of its server and its store."""
    store, kills = open_store(), kills_of(happened)
    trainings = [each.train for each in asked]
    had = {own.name: attempts_of(own.file) for own in (*flows, *trainings)}
    at_work = [(own, attempt) for own in trainings for attempt in had[own.name]]
    with get_client(sync_client=True) as client:
        cost = cost_of(trainings, had, kills, unnoticed_seconds(client, happened), store)
        held = [*_held_slots(client), *(f"lease {lease.name}" for lease in list_leases(store).leases)]
        held += [f"{run.name} is {run.state_name}" for run in alive(client)]
        failed = [f"{run.name} is {run.state_name}" for run in runs_in(client, UNSUCCESSFUL)]
    return Outcome(
        n_flows=len(flows),
        n_trainings=len(trainings),
        missing=_missing(store, [*flows, *trainings], trainings),
        twice=[*(name for name, own in had.items() if sum(bool(each.published) for each in own) > 1)]
        + [own.name for own in flows if len(had[own.name]) > 1]
        + [f"two processes at {own.name}" for own in trainings if overlaps(had[own.name], kills)],
        unexplained=[f"{own.name} by process {each.process}" for own, each in at_work if each.end(kills) is None],
        held=held,
        failed=failed,
        n_attempts=len(at_work),
        n_killed=sum(attempt.process in kills and not attempt.published for _, attempt in at_work),
        n_failed=sum(bool(attempt.failed) and attempt.process not in kills for _, attempt in at_work),
        n_resumed=sum(attempt.first > 0 for _, attempt in at_work),
        n_asked_again=n_asked,
        cost=cost,
    )


def kills_of(happened: Happened) -> dict[int, float]:
    """When each process was killed."""
    return {
        int(process): float(at) for fault in happened for process, at in cast(dict, fault.get("processes", {})).items()
    }


def overlaps(attempts: Sequence[Attempt], kills: Mapping[int, float]) -> bool:
    """Whether two processes worked at the same time. A killed one may work until its notice is over."""
    return any(later.began < earlier.last_sign() for earlier, later in pairwise(attempts))


def cost_of(
    trainings: Sequence[SleepConfig],
    had: Mapping[str, Sequence[Attempt]],
    kills: Mapping[int, float],
    unnoticed: float,
    store: Store,
) -> Cost:
    """Plan and traces against the bill."""
    lost = 0.0
    for own in trainings:
        for attempt, following in pairwise(had[own.name]):
            end = attempt.end(kills) or attempt.last_sign()
            lost += lost_seconds(attempt, end, following, own.seconds / own.n_units)
    refs = [store.find(ARTIFACT_TYPE.spec(own)) for own in trainings]
    bills = [store.record(ref).spent for ref in refs if ref]
    known = [bill for bill in bills if bill and bill.failed]
    return Cost(
        ideal_seconds=sum(own.seconds for own in trainings),
        lost_seconds=lost,
        unnoticed_seconds=unnoticed,
        billed_seconds=sum(bill.seconds + bill.failed.seconds for bill in known if bill.failed),
        billed_dollars=sum(bill.dollars or 0.0 for bill in known),
    )


def unnoticed_seconds(client: SyncPrefectClient, happened: Happened) -> float:
    """From a whole machine's death until its run was marked."""
    found = 0.0
    for fault in happened:
        if fault["kind"] == "machine lost":
            ends = [client.read_flow_run(UUID(run)).end_time for run in fault.get("runs", ())]
            died = datetime.fromtimestamp(fault["began"], UTC)
            found += sum((end - died).total_seconds() for end in ends if end)
    return found


def _missing(store: Store, work: Sequence[SleepConfig], rented: Sequence[SleepConfig]) -> list[str]:
    existing = set(record_paths(store, ARTIFACT_TYPE.kind))
    proved = {info.name.split("/")[2] for info in store.objects.list(f"receipts/{ARTIFACT_TYPE.kind}/")}
    return [own.name for own in work if ARTIFACT_TYPE.spec(own).path not in existing] + [
        f"receipt of {own.name}" for own in rented if own.name not in proved
    ]


def _held_slots(client: SyncPrefectClient) -> list[str]:
    held: list[str] = []
    offset = 0
    while page := client.read_global_concurrency_limits(limit=200, offset=offset):
        held += [f"{limit.name}: {limit.active_slots} slots" for limit in page if limit.active_slots]
        offset += len(page)
    return held
