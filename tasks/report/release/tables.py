"""Counts and gates of a release as rows of text."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from tasks.common.text import Row
from tasks.report.text import spaced
from tasks.schemas.examples import Gate
from tasks.schemas.release import Release

NAMES = ("source", "role", "group")
"""Columns of the mix's counts that are no number."""


def data(counts: Sequence[Mapping[str, JsonValue]], by: Sequence[str] = ("source", "role")) -> list[Row]:
    """Rows of the mix before and after each step, summed over all other names, and a row for all.

    Args:
        counts: As the mix counts them: by source, role and group.
        by: The names to keep.
    """
    steps = [name for name in (counts[0] if counts else {}) if name not in NAMES]
    sums: dict[tuple[str, ...], dict[str, int]] = {}
    for row in counts:
        own = sums.setdefault(tuple(str(row[name]) for name in by), dict.fromkeys(steps, 0))
        for step in steps:
            own[step] += int(str(row[step]))
    total = {step: sum(own[step] for own in sums.values()) for step in steps}
    every = {**sums, ("all", *[""] * (len(by) - 1)): total}
    return [
        {**dict(zip(by, names, strict=True)), **{spaced(step): f"{n:,}" for step, n in own.items()}}
        for names, own in every.items()
    ]


def tokenized(counts: Mapping[str, Mapping[str, JsonValue]]) -> list[Row]:
    """Examples and tokens of each training, and what was longer than allowed, by source.

    Args:
        counts: Of the tokenized examples, by the name of their training.
    """
    rows = []
    for training, own in counts.items():
        by_source = own["too_long_by_source"]
        sources = by_source.items() if isinstance(by_source, dict) else ()
        rows.append(
            {
                "training": training,
                **{name: f"{int(str(own[f'n_{name}'])):,}" for name in ("examples", "tokens")},
                "tokens trained on": f"{int(str(own['n_trained_tokens'])):,}",
                "left out, too long": f"{int(str(own['n_too_long'])):,}",
                "of": ", ".join(f"{source} {n:,}" for source, n in sources),
            }
        )
    return rows


def gates(found: Iterable[Gate]) -> list[Row]:
    """A row per gate."""
    return [
        {"gate": gate.name, "found": gate.value if gate.was_run else "", "bound": gate.bound, "": _outcome(gate)}
        for gate in found
    ]


def gate_counts(found: Sequence[Gate]) -> str:
    """How many gates passed, and how many were not run."""
    n_run = sum(gate.was_run for gate in found)
    left_out = len(found) - n_run
    return f"{n_run} gates passed" + (f", {left_out} {'was' if left_out == 1 else 'were'} not run" if left_out else "")


def _outcome(gate: Gate) -> str:
    if not gate.was_run:
        return "not run"
    return "passed" if gate.passed else "failed"


def files(release: Release) -> list[Row]:
    """A row per file, as another client fetched it."""
    return [{"file": own.path, "bytes": f"{own.size:,}", "sha256": own.sha256} for own in release.files]


def header(release: Release) -> list[Row]:
    """What the GGUF file's header says."""
    return [{"what": spaced(name), "value": _shown(value)} for name, value in release.gguf.items()]


def _shown(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(own)}" for name, own in value.items())
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
