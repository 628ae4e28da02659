"""`python -m tasks.store`: list, show, verify, remove and export artifacts, collect garbage, list leases."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.common.settings import start_logging
from tasks.store.catalogue import records, resolve
from tasks.store.export import export
from tasks.store.forget import forget
from tasks.store.gc import OLDER_THAN_HOURS, find_garbage, remove
from tasks.store.leases import Lease, clock, end, list_leases, read_lease
from tasks.store.receipts import VALID_HOURS, verify
from tasks.store.records import Record
from tasks.store.store import Store, open_store


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Exit status 0: done; 1: refused, or something is unreadable or overdue; 2: unknown command."""
    options = _parser().parse_args(arguments)
    for noisy in ("botocore", "urllib3", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    act: Callable[[Store, argparse.Namespace], int] = options.act
    try:
        start_logging("INFO")
        return act(open_store(), options)
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1


def _ls(store: Store, options: argparse.Namespace) -> int:
    readable, unreadable = records(store, options.kind or "")
    for record in sorted(readable, key=lambda record: (record.kind, record.label, record.finished_at)):
        print(f"{record.ref.path}  {_size(record.n_bytes)}  {_count_files(record)}  {clock(record.finished_at)}")
    print(f"{len(readable)} artifacts, {_size(sum(record.n_bytes for record in readable))} in {store.url}")
    return _print_errors(unreadable)


def _show(store: Store, options: argparse.Namespace) -> int:
    ref = resolve(store, options.path)
    print("\n".join(_tree({record.ref.path: record for record in store.lineage(ref)}, ref.path, set())))
    return 0


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


def _verify(store: Store, options: argparse.Namespace) -> int:
    receipt = verify(resolve(store, options.path), store.url, options.valid_hours)
    print(
        f"{receipt.ref.path}: {receipt.n_blobs} blobs, {_size(receipt.n_bytes)} read and hashed in "
        f"{receipt.seconds:.1f} s, all right\nreceipt {receipt.name}, valid until {clock(receipt.expires_at)}"
    )
    return 0


def _gc(store: Store, options: argparse.Namespace) -> int:
    garbage = find_garbage(store, options.older_than_hours)
    if options.delete:
        garbage = remove(store, garbage)
    done = "removed" if options.delete else "would be removed"
    for blob in garbage.blobs:
        print(f"{blob.name}  {_size(blob.size)}  of {clock(blob.modified)}")
    for upload in garbage.uploads:
        print(f"unfinished upload of {upload.name}, started {clock(upload.started)}")
    print(
        f"{len(garbage.blobs)} blobs ({garbage.n_bytes} bytes) and {len(garbage.uploads)} unfinished uploads {done}; "
        f"{garbage.n_kept} blobs of {garbage.n_records} records kept, {garbage.n_young} younger than "
        f"{options.older_than_hours:g} hours left alone"
    )
    if not options.delete:
        print("nothing was changed; --delete removes")
    return 0


def _forget(store: Store, options: argparse.Namespace) -> int:
    ref = resolve(store, options.path)
    removed = forget(store, ref)
    print(
        f"{ref.path}: removed with {len(removed.blobs)} blobs ({removed.n_bytes} bytes), "
        f"{removed.n_kept} blobs shared with other artifacts kept"
    )
    return 0


def _export(store: Store, options: argparse.Namespace) -> int:
    lineage = export(store, resolve(store, options.path), options.folder)
    n_bytes = sum(record.n_bytes for record in lineage)
    print(f"{len(lineage)} artifacts, {_size(n_bytes)} in {options.folder}, every file read back and hashed")
    return 0


def _leases(store: Store, options: argparse.Namespace) -> int:
    if options.forget:
        lease = read_lease(store, options.forget)
        end(store, lease.name)
        print(f"removed without a receipt: {_line(lease)}")
        return 0
    found = list_leases(store)
    overdue = found.overdue()
    for lease in overdue if options.overdue else found.leases:
        print(_line(lease))
    print(f"{len(found.leases)} leases in {store.url}, {len(overdue)} overdue, {len(found.unreadable)} unreadable")
    return _print_errors(found.unreadable) or int(options.overdue and bool(overdue))


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


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 10**9 else f"{n_bytes / 1e6:.2f} MB"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tasks.store", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(
        name: str, act: Callable[[Store, argparse.Namespace], int], text: str, takes_path: bool = False
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(act=act)
        if takes_path:
            added.add_argument("path", metavar="PATH", help="kind/label/key or kind/label/latest")
        return added

    ls = command("ls", _ls, "list artifacts")
    ls.add_argument("kind", nargs="?", help="only this kind, such as train")
    command("show", _show, "an artifact and its sources as a tree", takes_path=True)
    verification = command("verify", _verify, "read and hash every byte, write a receipt", takes_path=True)
    verification.add_argument("--valid-hours", type=float, default=VALID_HOURS, help="default: %(default)s")
    garbage = command("gc", _gc, "list what no record names; removes it with --delete")
    garbage.add_argument("--delete", action="store_true", help="remove it")
    garbage.add_argument(
        "--older-than-hours", type=float, default=OLDER_THAN_HOURS, help="keep what is younger; default: %(default)s"
    )
    command(
        "forget",
        _forget,
        "remove an artifact that is no other's input",
        takes_path=True,
    )
    out = command("export", _export, "an artifact with all its sources as a folder", takes_path=True)
    out.add_argument("folder", type=Path)
    leases = command("leases", _leases, "list who rents which machine")
    leases.add_argument("--overdue", action="store_true", help="only overdue ones; exit status 1 if there is one")
    leases.add_argument("--forget", metavar="NAME", help="remove the lease of a machine you have stopped by hand")
    return parser
