"""An artifact's lineage as lines a person can read."""

from collections.abc import Iterator, Mapping

from tasks.store.records import Record


def count_files(record: Record) -> str:
    """`1 file`, `2 files`."""
    return f"{len(record.files)} file" + ("s" if len(record.files) != 1 else "")


def tree(records: Mapping[str, Record], path: str) -> Iterator[str]:
    """The artifact's facts, then its sources below it; one that stands there already is only named again.

    Args:
        records: Every record of the lineage by its artifact's path.
        path: The artifact at the root.
    """
    yield from _branch(records, path, "", "", "", set())


def _branch(
    records: Mapping[str, Record], path: str, name: str, first: str, rest: str, seen: set[str]
) -> Iterator[str]:
    label = f"{name}: {path}" if name else path
    if path in seen:
        yield f"{first}{label} (above)"
        return
    seen.add(path)
    record = records[path]
    commit = (record.git_commit or "no checkout")[:12]
    yield (
        f"{first}{label}  {count_files(record)}, {record.n_bytes} bytes, digest {record.digest[:12]}, "
        f"{record.seconds:.0f} s, {record.finished_at:%Y-%m-%d %H:%M} UTC, {commit}"
    )
    sources = sorted(record.inputs.items())
    for nth, (source_name, source) in enumerate(sources, start=1):
        is_last = nth == len(sources)
        deeper = rest + ("└─ " if is_last else "├─ ")
        below = rest + ("   " if is_last else "│  ")
        yield from _branch(records, source.path, source_name, deeper, below, seen)
