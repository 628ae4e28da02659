"""`hindsight store`: list, show, verify, remove, get and export artifacts, collect garbage, list leases."""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from hindsight.cli.output import examples, size
from tasks.store import export as exporting
from tasks.store import forget as forgetting
from tasks.store import gc as garbage_collection
from tasks.store import receipts
from tasks.store.catalogue import records, resolve
from tasks.store.digests import sha256_of_file
from tasks.store.errors import StoreError
from tasks.store.leases import Lease, clock, end, list_leases, read_lease
from tasks.store.records import Record
from tasks.store.store import existing_store
from tasks.versions.moves import check_no_version

EPILOGUE = """PATH is `kind/label/key`, or `kind/label/latest`; `hindsight store ls` lists them. The store is the one of
HINDSIGHT_STORE."""
Flag = Annotated[bool, Parameter(negative="")]

app = App(name="store", help="List, check, export and remove artifacts of the store.", help_epilogue=EPILOGUE)


@app.command(help_epilogue=examples("hindsight store ls", "hindsight store ls train"))
def ls(kind: str | None = None, /) -> int:
    """List artifacts, with size, number of files and time. Exit status 1 if a record cannot be read.

    Args:
        kind: Only this kind, such as train.
    """
    store = existing_store()
    readable, unreadable = records(store, kind or "")
    for record in sorted(readable, key=lambda record: (record.kind, record.label, record.finished_at)):
        print(f"{record.ref.path}  {size(record.n_bytes)}  {_count_files(record)}  {clock(record.finished_at)}")
    print(f"{len(readable)} artifacts, {size(sum(record.n_bytes for record in readable))} in {store.url}")
    return _print_errors(unreadable)


@app.command(help_epilogue=examples("hindsight store show report/LABEL/latest"))
def show(path: str, /) -> None:
    """Show an artifact and all it came from, as a tree.

    Args:
        path: The artifact.
    """
    store = existing_store()
    ref = resolve(store, path)
    print("\n".join(_tree({record.ref.path: record for record in store.lineage(ref)}, ref.path, set())))


@app.command(help_epilogue=examples("hindsight store verify merge/LABEL/latest --valid-hours 48"))
def verify(path: str, /, *, valid_hours: float = receipts.VALID_HOURS) -> None:
    """Read and hash every byte of an artifact with a fresh client, and write a receipt. Its inputs are not read.

    Args:
        path: The artifact.
        valid_hours: Hours for which the receipt counts.
    """
    store = existing_store()
    receipt = receipts.verify(resolve(store, path), store.url, valid_hours)
    print(
        f"{receipt.ref.path}: {receipt.n_blobs} blobs, {size(receipt.n_bytes)} read and hashed in "
        f"{receipt.seconds:.1f} s, all right\nreceipt {receipt.name}, valid until {clock(receipt.expires_at)}"
    )


@app.command(help_epilogue=examples("hindsight store gc", "hindsight store gc --delete --older-than-hours 24"))
def gc(*, delete: Flag = False, older_than_hours: float = garbage_collection.OLDER_THAN_HOURS) -> None:
    """List blobs that no record names, and uploads that never finished. Changes nothing without --delete.

    Args:
        delete: Remove them.
        older_than_hours: Keep what is younger.
    """
    store = existing_store()
    garbage = garbage_collection.find_garbage(store, older_than_hours)
    if delete:
        garbage = garbage_collection.remove(store, garbage)
    done = "removed" if delete else "would be removed"
    for blob in garbage.blobs:
        print(f"{blob.name}  {size(blob.size)}  of {clock(blob.modified)}")
    for upload in garbage.uploads:
        print(f"unfinished upload of {upload.name}, started {clock(upload.started)}")
    print(
        f"{len(garbage.blobs)} blobs ({garbage.n_bytes} bytes) and {len(garbage.uploads)} unfinished uploads {done}; "
        f"{garbage.n_kept} blobs of {garbage.n_records} records kept, {garbage.n_young} younger than "
        f"{older_than_hours:g} hours left alone"
    )
    if not delete:
        print("nothing was changed; --delete removes")


@app.command(help_epilogue=examples("hindsight store forget train-state/LABEL/KEY"))
def forget(path: str, /) -> None:
    """Remove an artifact that is no other's input and no version's, with the blobs that only it has.

    Args:
        path: The artifact.
    """
    store = existing_store()
    ref = resolve(store, path)
    check_no_version(store, ref)
    removed = forgetting.forget(store, ref)
    print(
        f"{ref.path}: removed with {len(removed.blobs)} blobs ({removed.n_bytes} bytes), "
        f"{removed.n_kept} blobs shared with other artifacts kept"
    )


@app.command(help_epilogue=examples("hindsight store export report/LABEL/KEY audit-2026"))
def export(path: str, folder: Path, /) -> None:
    """Write an artifact and all it came from into a folder, as plain files.

    Args:
        path: The artifact.
        folder: The folder to write; every file in it is read back and hashed.
    """
    store = existing_store()
    lineage = exporting.export(store, resolve(store, path), folder)
    n_bytes = sum(record.n_bytes for record in lineage)
    print(f"{len(lineage)} artifacts, {size(n_bytes)} in {folder}, every file read back and hashed")


@app.command(help_epilogue=examples("hindsight store get export/LABEL/KEY forex-adapter"))
def get(path: str, folder: Path, /) -> None:
    """Write the files of one artifact into a folder.

    Args:
        path: The artifact.
        folder: The folder to write, a new one or one that an earlier start has begun; every byte is hashed.
    """
    store = existing_store()
    ref = resolve(store, path)
    record = store.record(ref)
    check_only_its_own(folder, record)
    store.fetch(ref, folder)
    print(f"{len(record.files)} files, {size(record.n_bytes)} in {folder}, every byte hashed")


def check_only_its_own(folder: Path, record: Record) -> None:
    """Raise StoreError if a file of the artifact would replace another file."""
    for entry in record.files:
        target = folder / entry.path
        if target.exists() and (not target.is_file() or sha256_of_file(target) != entry.sha256):
            raise StoreError(f"{target} exists with another content; name an empty folder for {record.ref.path}.")


@app.command(help_epilogue=examples("hindsight store leases --overdue", "hindsight store leases --forget LEASE"))
def leases(*, overdue: Flag = False, forget: str | None = None) -> int:
    """List who rents which machine.

    Args:
        overdue: Only overdue ones; exit status 1 if there is one.
        forget: Remove the lease of this name, whose machine you have stopped by hand.
    """
    store = existing_store()
    if forget:
        lease = read_lease(store, forget)
        end(store, lease.name)
        print(f"removed without a receipt: {_line(lease)}")
        return 0
    found = list_leases(store)
    late = found.overdue()
    for lease in late if overdue else found.leases:
        print(_line(lease))
    print(f"{len(found.leases)} leases in {store.url}, {len(late)} overdue, {len(found.unreadable)} unreadable")
    return _print_errors(found.unreadable) or int(overdue and bool(late))


def _tree(
    records: Mapping[str, Record], path: str, seen: set[str], name: str = "", first: str = "", rest: str = ""
) -> Iterator[str]:
    """An artifact's facts, then its sources below it, indented by `first` and `rest`; a repeated one is only named."""
    label = f"{name}: {path}" if name else path
    if path in seen:
        yield f"{first}{label} (above)"
        return
    seen.add(path)
    record = records[path]
    yield (
        f"{first}{label}  {_count_files(record)}, {record.n_bytes} bytes, digest {record.digest[:12]}, "
        f"{record.seconds:.0f} s, {record.finished_at:%Y-%m-%d %H:%M} UTC, {(record.git_commit or 'no checkout')[:12]}"
    )
    sources = sorted(record.inputs.items())
    for number, (source_name, source) in enumerate(sources, start=1):
        branch, below = ("└─ ", "   ") if number == len(sources) else ("├─ ", "│  ")
        yield from _tree(records, source.path, seen, source_name, rest + branch, rest + below)


def _line(lease: Lease) -> str:
    until = f"until {clock(lease.expires_at)}"
    if lease.is_overdue():
        minutes = (datetime.now(UTC) - lease.expires_at).total_seconds() / 60
        until = f"OVERDUE by {minutes:.0f} minutes, not renewed by its holder"
    return f"{lease.name}  {lease.what} for {lease.artifact}, held by {lease.holder}, {until}"


def _print_errors(messages: list[str] | tuple[str, ...]) -> int:
    for message in messages:
        print(f"hindsight: {message}", file=sys.stderr)
    return int(bool(messages))


def _count_files(record: Record) -> str:
    return f"{len(record.files)} file" + ("s" if len(record.files) != 1 else "")
