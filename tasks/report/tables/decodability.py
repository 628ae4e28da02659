"""Decodability: what probes read off the states, and what of the shared-day effect goes with the day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tasks.common.text import DASH, bounds, signed
from tasks.report.text import Cell, EstimateRow, Missing, Table, reasons
from tasks.schemas.decodability import Decodability, ProbeScore
from tasks.schemas.estimates import Estimate


@dataclass(frozen=True)
class DecodabilitySection:
    """Both tables with their columns."""

    probes: Table[EstimateRow]
    probe_columns: list[str]
    effects: Table[EstimateRow]
    effect_columns: list[str]
    n_draws: int


def decodability_section(found: Mapping[str, Decodability]) -> DecodabilitySection | None:
    """What the page shows of it; None where the recipe leaves it out."""
    if not found:
        return None
    first = next(iter(found.values()))
    return DecodabilitySection(
        probes=Table(
            [(model, _rows(own), [_score(probe) for probe in own.probes]) for model, own in found.items()],
            reasons(
                (f"{probe.name} of {model}", probe.why_none)
                for model, own in found.items()
                for probe in own.probes
                if probe.why_none
            ),
        ),
        probe_columns=[f"{own.name}, {own.measure}, {own.held_out} held out" for own in first.probes],
        effects=Table(
            [(model, _directions(own), _effects(own)) for model, own in found.items()],
            reasons(line for model, own in found.items() for line in _missing(model, own)),
        ),
        effect_columns=[f"{name}, {fit}" for fit in first.effects for name in ("effect", "removed", "share")],
        n_draws=first.n_draws,
    )


def _rows(own: Decodability) -> str:
    return f"{own.probes[0].n_rows:,} rows"


def _directions(own: Decodability) -> str:
    fewest, most = min(own.n_directions), max(own.n_directions)
    return f"{fewest if fewest == most else f'{fewest} to {most}'} directions removed"


def _score(probe: ProbeScore) -> Cell:
    if probe.score is None or probe.chance is None:
        return [DASH]
    classes = f" of {probe.n_classes:,}" if probe.n_classes else ""
    return [signed(probe.score), bounds(probe.interval), f"chance {probe.chance:.4f}{classes}"]


def _effects(own: Decodability) -> list[Cell]:
    return [
        cell
        for found in own.effects.values()
        for cell in (_cell(found.before), _cell(found.removed), [signed(found.share), bounds(found.share_interval)])
    ]


def _cell(estimate: Estimate) -> Cell:
    return [signed(estimate.point), bounds(estimate.interval)]


def _missing(model: str, own: Decodability) -> Iterator[Missing]:
    for fit, found in own.effects.items():
        if found.why_none:
            yield f"share of {model}, {fit}", found.why_none
