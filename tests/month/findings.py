"""What a month came to: from the server's states, the store's artifacts and the stages' own traces."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient, get_client

from flows.server.attempts import attempts
from flows.server.tags import artifact_tag
from tasks.costs.usage import MachineStay
from tasks.store.leases import list_leases
from tasks.store.store import Store, open_store
from tests.month.stages import ARTIFACT_TYPE, SleepConfig


@dataclass(frozen=True)
class Trainings:
    """Machine time of all trainings, in real seconds.

    Args:
        n_attempts: Runs that had the machine.
        n_interrupted: Attempts that did not complete.
        n_resumed: Attempts that began behind the first unit.
        ideal_seconds: Work, if nothing had gone wrong.
        lost_seconds: Of attempts that did not complete, since their last training state that counted.
        billed_seconds: On the machine, by the server's history of states.
    """

    n_attempts: int
    n_interrupted: int
    n_resumed: int
    ideal_seconds: float
    lost_seconds: float
    billed_seconds: float

    @property
    def overhead(self) -> float:
        """Part of the bill beyond the ideal and what was lost."""
        return self.billed_seconds / (self.ideal_seconds + self.lost_seconds) - 1


@dataclass(frozen=True)
class Outcome:
    """A month's findings.

    Args:
        n_flows: Scheduled flows planned.
        n_trainings: Trainings planned.
        lost: Names of what was planned and has no artifact.
        twice: Names of artifacts that were made more than once.
        n_units_repeated: Units of trainings done again, as no state held them.
        held: Slots and leases that nothing holds rightly any more.
        n_asked_again: What failed and a person asked for again.
        trainings: Their machine time.
    """

    n_flows: int
    n_trainings: int
    lost: list[str]
    twice: list[str]
    n_units_repeated: int
    held: list[str]
    n_asked_again: int
    trainings: Trainings

    def rows(self) -> list[tuple[str, str]]:
        """The table."""
        own = self.trainings
        return [
            ("scheduled flows, trainings", f"{self.n_flows:,}, {self.n_trainings}"),
            ("lost", ", ".join(self.lost) or "none"),
            ("made twice", ", ".join(self.twice) or "none"),
            ("slots and leases still held", ", ".join(self.held) or "none"),
            ("asked for again by a person", str(self.n_asked_again)),
            (
                "attempts at trainings",
                f"{own.n_attempts}, {own.n_interrupted} cut, {own.n_resumed} resumed from a state",
            ),
            ("units of work repeated", str(self.n_units_repeated)),
            ("machine seconds: ideal", f"{own.ideal_seconds:,.0f}"),
            ("lost since the last state", f"{own.lost_seconds:,.0f}"),
            ("billed", f"{own.billed_seconds:,.0f}, {own.overhead:+.1%} of ideal and lost"),
        ]


def read_outcome(
    flows: Sequence[SleepConfig], trainings: Sequence[SleepConfig], traces: Path, n_asked_again: int
) -> Outcome:
    """Look at the end of a month, as a client of its server and its store."""
    store = open_store()
    lines = {config.name: read_traces(traces, config.name) for config in (*flows, *trainings)}
    units = [Counter(line["unit"] for line in lines[own.name] if line["what"] == "unit") for own in trainings]
    with get_client(sync_client=True) as client:
        tags = {config.name: artifact_tag(ARTIFACT_TYPE.spec(config)) for config in trainings}
        had = attempts(client, tags.values())
        stays = {name: had[tag].stays for name, tag in tags.items()}
        held = [*_held_slots(client), *_held_leases(store)]
    return Outcome(
        n_flows=len(flows),
        n_trainings=len(trainings),
        lost=[own.name for own in (*flows, *trainings) if store.find(ARTIFACT_TYPE.spec(own)) is None],
        twice=[name for name, own in lines.items() if sum(line["what"] == "made" for line in own) > 1],
        n_units_repeated=sum(count - 1 for own in units for count in own.values()),
        held=held,
        n_asked_again=n_asked_again,
        trainings=_trainings(trainings, lines, stays),
    )


def read_traces(folder: Path, name: str) -> list[dict[str, float | str]]:
    """A stage's lines; none if it never began."""
    file = folder / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _trainings(
    trainings: Sequence[SleepConfig],
    lines: Mapping[str, list[dict[str, float | str]]],
    stays: Mapping[str, Sequence[MachineStay]],
) -> Trainings:
    all_stays = [stay for own in stays.values() for stay in own]
    cut = [(name, stay) for name, own in stays.items() for stay in own if stay.outcome == "failed"]
    starts = [line for own in trainings for line in lines[own.name] if line["what"] == "started"]
    return Trainings(
        n_attempts=len(all_stays),
        n_interrupted=len(cut),
        n_resumed=sum(float(line["unit"]) > 0 for line in starts),
        ideal_seconds=sum(own.seconds for own in trainings),
        lost_seconds=sum(_lost(stay, lines[name]) for name, stay in cut),
        billed_seconds=sum(stay.seconds(stay.began) for stay in all_stays if stay.ended),
    )


def _lost(stay: MachineStay, lines: Iterable[Mapping[str, float | str]]) -> float:
    """Seconds of an attempt's end that the next one did again: since the unit that the next one's start counts on."""
    assert stay.ended is not None
    began, ended = stay.began.timestamp(), stay.ended.timestamp()
    own = list(lines)
    later = [float(line["unit"]) for line in own if line["what"] == "started" and float(line["at"]) > ended]
    kept = [
        float(line["at"])
        for line in own
        if line["what"] == "unit" and began <= float(line["at"]) <= ended and later and float(line["unit"]) < later[0]
    ]
    return ended - max([began, *kept])


def _held_slots(client: SyncPrefectClient) -> list[str]:
    limits = client.read_global_concurrency_limits(limit=200, offset=0)
    return [f"{limit.name}: {limit.active_slots} slots" for limit in limits if limit.active_slots]


def _held_leases(store: Store) -> list[str]:
    return [f"lease {lease.name}" for lease in list_leases(store).leases]


def as_json(outcome: Outcome) -> dict[str, object]:
    """For the benchmark's file."""
    return asdict(outcome) | {"overhead": outcome.trainings.overhead}
