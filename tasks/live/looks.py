"""A line's looks in the store: each names the one before it, and its record has what it found."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from tasks.costs.prices import add_known
from tasks.schemas.live import LOOK_FILE, SWAP_FILE, GateFinding, LiveLook, UpdateCost, WatchRecord
from tasks.store.catalogue import newest_record_paths
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
    """Records of a line's looks or swaps, the newest first, each read when it is asked for.

    Args:
        store: Holds them.
        kind: Of looks or of swaps.
        line: The line.
        known: Paths of those that are left out.

    Raises:
        StoreError: If one is damaged.
    """
    return (store.records.read(path) for path in newest_record_paths(store, kind, line) if path not in known)


def findings_until(store: Store, newest: ArtifactRef | None, beside: Sequence[ArtifactRef] = ()) -> list[GateFinding]:
    """What all looks of a line found, in the order in which they spent the budget; none without one.

    Args:
        store: Holds their records.
        newest: The last look registered.
        beside: Looks that it does not go back to (`looks_beside`). They share their numbers with others, which were
            made at the same time; each counts, so that all are numbered anew.

    Raises:
        StoreError: If a record of them is missing or damaged: what it spent would not be counted.
    """
    others = [store.record(ref) for ref in beside]
    found = [GateFinding.model_validate(own.facts["finding"]) for own in (*_back_from(store, newest), *others)]
    found.sort(key=lambda own: (own.look, own.last_day))
    if not beside:
        return found
    return [own.model_copy(update={"look": number}) for number, own in enumerate(found, start=1)]


def looks_beside(store: Store, looks: Sequence[ArtifactRef]) -> tuple[ArtifactRef, ...]:
    """Looks to which the last one does not go back: another update had begun from the same look before it."""
    known = {record.ref.path for record in _back_from(store, looks[-1] if looks else None)}
    return tuple(ref for ref in looks if ref.path not in known)


def _back_from(store: Store, newest: ArtifactRef | None) -> Iterator[Record]:
    while newest:
        record = store.record(newest)
        yield record
        newest = record.inputs.get("before")


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
