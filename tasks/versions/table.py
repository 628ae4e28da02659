"""Versions and their history as rows of text."""

from collections.abc import Iterator

from tasks.store.leases import clock
from tasks.versions.history import Evidence, History, Score, Version

Row = dict[str, str]
SHORT = 12
"""Hex digits of a digest that a table shows."""


def version_rows(history: History) -> list[Row]:
    """A row per version, the newest first."""
    return [_row(history.line, version) for version in reversed(history.versions.values())]


def move_rows(history: History) -> list[Row]:
    """A row per move, oldest first."""
    return [
        {
            "number": str(move.number),
            "at": clock(move.at),
            "action": move.action,
            "version": move.version,
            "by": move.by,
            "why": move.why,
        }
        for move in history.moves
    ]


def differences(one: Version, other: Version) -> list[Row]:
    """What differs between two versions: artifacts, data, gates and scores."""
    mine, its = dict(_facts(one.evidence)), dict(_facts(other.evidence))
    names = [*mine, *(name for name in its if name not in mine)]
    return [
        {"what": name, one.name: mine.get(name, "none"), other.name: its.get(name, "none")}
        for name in names
        if mine.get(name) != its.get(name)
    ]


def score_text(score: Score) -> str:
    """A score with its interval and rows."""
    point = "none" if score.point is None else f"{score.point:.4f}"
    interval = f" {bounds_of(score)}" if score.interval else ""
    return f"{point}{interval}, {score.n_rows:,} rows"


def bounds_of(score: Score) -> str:
    """Its interval as text; empty without one."""
    return f"[{score.interval[0]:.4f}, {score.interval[1]:.4f}]" if score.interval else ""


def _row(line: str, version: Version) -> Row:
    last, first = version.moves[-1], version.moves[0]
    accuracy = next((score_text(own) for own in version.evidence.scores if own.name == "accuracy"), "")
    return {
        "line": line,
        "version": version.name,
        "state": version.state,
        "since": clock(last.at),
        "by": last.by,
        "why": last.why,
        "registered": clock(first.at),
        "accuracy": accuracy,
        "gates": f"{sum(gate.passed for gate in version.evidence.gates)} of {len(version.evidence.gates)}",
        "artifact": next(iter(version.evidence.artifacts.values())).path,
    }


def _facts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for role, ref in (evidence.artifacts | evidence.data).items():
        yield role, f"{ref.path} {ref.digest[:SHORT]}"
    for gate in evidence.gates:
        yield f"gate: {gate.name}", gate.value
    for score in evidence.scores:
        yield f"score: {score.name}", score_text(score)
