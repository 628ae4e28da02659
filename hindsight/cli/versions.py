"""`hindsight versions`: list, show, compare, register, stage, promote, deprecate, roll back, resume, and a page."""

import csv
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from deployments.local import as_client
from deployments.processes import is_running
from hindsight.cli.output import examples, print_table
from tasks.common.settings import state_dir
from tasks.store.catalogue import resolve
from tasks.store.store import existing_store
from tasks.versions import moves
from tasks.versions.history import Version, line_names
from tasks.versions.table import Row, differences, move_rows, score_text, version_rows

EPILOGUE = """LINE is what the versions of one model are called together, such as forex-r1-7b; VERSION is v1, v2, ...
The store is the one of HINDSIGHT_STORE. Every move is kept, with who, when and why."""
Why = Annotated[str, Parameter(name=["--why", "-m"])]
TABLE = ("line", "version", "state", "since", "by", "accuracy", "gates", "why")

app = App(name="versions", help="List, compare, promote and roll back versions of a model.", help_epilogue=EPILOGUE)


@app.command(help_epilogue=examples("hindsight versions ls", "hindsight versions ls forex-r1-7b --csv versions.csv"))
def ls(line: str | None = None, /, *, csv_file: Annotated[Path | None, Parameter("--csv")] = None) -> None:
    """List versions, the newest first, with state, accuracy and gates.

    Args:
        line: Only this line.
        csv_file: Write all columns there, too.
    """
    store = existing_store()
    names = [line] if line else line_names(store.objects)
    rows = [row for name in names for row in version_rows(moves.existing_history(store, name))]
    if csv_file:
        _write_csv(csv_file, rows)
    _print([{name: row[name] for name in TABLE} for row in rows], f"no versions in {store.url}")


@app.command(help_epilogue=examples("hindsight versions show forex-r1-7b v2", "hindsight versions show forex-r1-7b"))
def show(line: str, version: str | None = None, /) -> None:
    """Show a version's artifacts, data, gates, scores and moves; without a version the line's whole history.

    Args:
        line: The line.
        version: The version.
    """
    history = moves.existing_history(existing_store(), line)
    if version is None:
        _print(move_rows(history), "")
        return
    own = history.version(version)
    print(f"{line} {own.name}: {own.state}")
    _print_evidence(own)
    mine = {move.number for move in own.moves}
    _print([row for row in move_rows(history) if int(row["number"]) in mine], "")


@app.command(help_epilogue=examples("hindsight versions diff forex-r1-7b v1 v2"))
def diff(line: str, one: str, other: str, /) -> None:
    """Show what differs between two versions: artifacts, data, gates, scores.

    Args:
        line: The line.
        one: A version.
        other: Another one.
    """
    history = moves.existing_history(existing_store(), line)
    _print(differences(history.version(one), history.version(other)), f"{one} and {other} do not differ")


@app.command(help_epilogue=examples("hindsight versions page forex-r1-7b"))
def page(line: str, /, *, out: Path | None = None) -> None:
    """Write a line's page: versions, looks at candidates, the watch after a swap, other policies, costs, timeline.

    Args:
        line: The line.
        out: Folder of `versions.html` and `results.json`; by default `.hindsight/versions/LINE`.
    """
    from tasks.live.line_page import read_line
    from tasks.report.line.page import write_line

    found = read_line(existing_store(), line, datetime.now(UTC))
    print(write_line(found, out or state_dir() / "versions" / line))


@app.command(help_epilogue=examples('hindsight versions register forex-r1-7b release/LABEL/latest -m "first release"'))
def register(line: str, path: str, /, *, why: Why, by: str | None = None) -> None:
    """Add a release, or a trained adapter, to a line as its newest candidate.

    Args:
        line: The line; its first version makes it.
        path: The artifact, kind/label/key or kind/label/latest.
        why: One sentence.
        by: Who; by default user and host.
    """
    store = existing_store()
    _moved(line, moves.register(store, line, resolve(store, path), why=why, by=by or moves.this_person()))


@app.command(help_epilogue=examples('hindsight versions stage forex-r1-7b v2 --why "next Monday"'))
def stage(line: str, version: str, /, *, why: Why, by: str | None = None) -> None:
    """Name a candidate as the next to be promoted.

    Args:
        line: The line.
        version: The version.
        why: One sentence.
        by: Who; by default user and host.
    """
    _moved(line, moves.stage(existing_store(), line, version, why=why, by=by or moves.this_person()))


@app.command(help_epilogue=examples('hindsight versions promote forex-r1-7b v2 --why "passed review" --expected v1'))
def promote(line: str, version: str, /, *, why: Why, by: str | None = None, expected: str | None = None) -> None:
    """Put a version into production; the present one is deprecated by the same move. The server tells people.

    Args:
        line: The line.
        version: The version.
        why: One sentence.
        by: Who; by default user and host.
        expected: Refuse unless this version is in production now; none for none.
    """
    own = moves.promote(existing_store(), line, version, why=why, by=by or moves.this_person(), expected=expected)
    _moved(line, own)
    _tell(line, own)


@app.command(help_epilogue=examples('hindsight versions deprecate forex-r1-7b v2 --why "wrong data"'))
def deprecate(line: str, version: str, /, *, why: Why, by: str | None = None) -> None:
    """Give a candidate or staged version up.

    Args:
        line: The line.
        version: The version.
        why: One sentence.
        by: Who; by default user and host.
    """
    _moved(line, moves.deprecate(existing_store(), line, version, why=why, by=by or moves.this_person()))


@app.command(
    help_epilogue=examples('hindsight versions rollback forex-r1-7b --why "worse since Tuesday" --expected v2')
)
def rollback(line: str, /, *, why: Why, by: str | None = None, expected: str | None = None) -> None:
    """Put the version back into production that the present one replaced. Nothing is trained or copied.

    The server tells people; without one the move is made all the same.

    Args:
        line: The line.
        why: One sentence.
        by: Who; by default user and host.
        expected: Refuse unless this version, which is to be replaced, is in production now.
    """
    own = moves.roll_back(existing_store(), line, why=why, by=by or moves.this_person(), expected=expected)
    _moved(line, own)
    _tell(line, own)


@app.command(help_epilogue=examples('hindsight versions resume forex-r1-7b --why "the feed of Tuesday was wrong"'))
def resume(line: str, /, *, why: Why, by: str | None = None) -> None:
    """Say that you have looked since a rollback: live updates of the line go on. Production stays as it is.

    Args:
        line: The line.
        why: One sentence.
        by: Who; by default user and host.
    """
    _moved(line, moves.resume(existing_store(), line, why=why, by=by or moves.this_person()))


def _moved(line: str, version: Version) -> None:
    last = version.moves[-1]
    print(f"{line} {version.name}: {version.state} (move {last.number}, by {last.by})")


def _tell(line: str, version: Version) -> None:
    """Tell people by the server's notifications. The move stands, whatever comes of it."""
    if not (os.environ.get("PREFECT_API_URL") or is_running("server")):
        print("hindsight: no server runs, so that nobody was told of it.", file=sys.stderr)
        return
    try:
        with as_client():
            from flows.server.moved import tell

            tell(line, version)
    except Exception as error:  # whatever it is: production has changed
        print(f"hindsight: the move is made, and nobody was told of it: {error}", file=sys.stderr)


def _print_evidence(version: Version) -> None:
    for role, ref in (version.evidence.artifacts | version.evidence.data).items():
        print(f"  {role}: {ref.path} {ref.digest[:12]}")
    for gate in version.evidence.gates:
        outcome = ("passed" if gate.passed else "FAILED") if gate.was_run else "left out"
        print(f"  gate {gate.name}: {outcome}, {gate.value} (bound: {gate.bound})")
    for score in version.evidence.scores:
        print(f"  {score.name}: {score_text(score)}")


def _print(rows: Sequence[Row], if_none: str) -> None:
    if rows:
        print_table(rows)
    elif if_none:
        print(if_none)


def _write_csv(file: Path, rows: Sequence[Row]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]) if rows else list(TABLE))
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {file}", file=sys.stderr)
