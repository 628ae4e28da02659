"""A line's looks in the store: each names the one before it, and its record has what it found."""

from collections.abc import Collection, Iterator, Mapping

from tasks.costs.prices import add_known
from tasks.schemas.live import LOOK_FILE, SWAP_FILE, GateFinding, LiveLook, UpdateCost, WatchRecord
from tasks.store.catalogue import record_paths
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store


def read_look(store: Store, ref: ArtifactRef) -> LiveLook:
    """A look. Raises StoreError if it is not whole."""
    return LiveLook.model_validate_json((store.fetch(ref) / LOOK_FILE).read_text(encoding="utf-8"))


def read_swap(store: Store, ref: ArtifactRef) -> WatchRecord:
    """How a swap stands. Raises StoreError if it is not whole."""
    return WatchRecord.model_validate_json((store.fetch(ref) / SWAP_FILE).read_text(encoding="utf-8"))


def records_of_line(store: Store, kind: str, line: str, known: Collection[str] = ()) -> Iterator[Record]:
    """Records of a line's looks or swaps, but for those at known paths. Raises StoreError if one is damaged."""
    for path in record_paths(store, kind):
        if path.split("/")[1] == line and path not in known:
            yield store.records.read(path)


def findings_until(store: Store, newest: ArtifactRef | None) -> list[GateFinding]:
    """What all looks up to one found, oldest first; none without one.

    Raises:
        StoreError: If a record of them is missing or damaged: what it spent would not be counted.
    """
    found: list[GateFinding] = []
    while newest:
        record = store.record(newest)
        found.append(GateFinding.model_validate(record.facts["finding"]))
        newest = record.inputs.get("before")
    return found[::-1]


def cost_of(store: Store, inputs: Mapping[str, ArtifactRef]) -> UpdateCost:
    """What training, forecasts and outcomes took, by their records."""
    records: dict[str, Record] = {name: store.record(ref) for name, ref in inputs.items() if name != "before"}
    dollars = add_known(record.spent.dollars if record.spent else None for record in records.values())
    tokens = records["train"].facts.get("tokens_seen")
    return UpdateCost(
        seconds=round(sum(record.seconds for record in records.values()), 3),
        dollars=dollars,
        n_tokens=tokens if isinstance(tokens, int) else None,
    )
