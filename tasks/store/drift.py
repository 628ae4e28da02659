"""Whether the artifact at a place is the one that is meant."""

from collections.abc import Iterator

from pydantic import JsonValue

from tasks.store.errors import IdentityDrift
from tasks.store.records import Record


def refuse_drift(asked: dict[str, JsonValue], standing: Record) -> None:
    """Raise IdentityDrift, with each differing field and both values, if the record is of another identity."""
    if standing.identity == asked:
        return
    fields = ", ".join(differences(standing.identity, asked))
    raise IdentityDrift(
        f"artifact {standing.ref.path} stands with another identity than this run asks for: {fields}; remove its "
        "record to have it built again."
    )


def differences(stands: JsonValue, asked: JsonValue, place: str = "") -> Iterator[str]:
    """`config.seed is 0, asked for 1`, for every leaf that differs."""
    if isinstance(stands, dict) and isinstance(asked, dict):
        for name in sorted({*stands, *asked}):
            yield from differences(stands.get(name), asked.get(name), f"{place}.{name}".lstrip("."))
    elif stands != asked:
        yield f"{place} is {stands!r}, asked for {asked!r}"
