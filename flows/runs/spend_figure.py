"""Spend by run: one bar per run, divided by stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.runs.row import RunRow
from flows.stages import STAGES
from tasks.common.text import SECONDS_PER_HOUR
from tasks.report.figures.drawing import BLUE, GREEN, GREY, INK, LINE, ORANGE, Drawing, drawing

COLOURS = (LINE, GREEN, "#d6c9e0", "#9fb8a5", "#9d8bb5", BLUE, "#8fb0c9", ORANGE, GREY, INK)
"""Of the stages in the registry's order; more stages begin again."""
BAR_INCHES = 0.26
MAX_LABEL = 34
"""Letters of a run's name beside its bar."""


@dataclass(frozen=True)
class Bars:
    """Heights of the bars.

    Args:
        names: Of the runs, oldest first.
        amounts: By stage, one per run.
        unit: `dollars` or `hours`.
    """

    names: list[str]
    amounts: dict[str, list[float]]
    unit: str


def spend_bars(rows: Sequence[RunRow], n_newest: int = 40) -> Bars:
    """What each run added to the bill, by stage; in hours if no run has cost a dollar.

    Args:
        rows: In any order; those that built nothing have no bar.
        n_newest: Bars at most.
    """
    spent = sorted((row for row in rows if row.built and row.started), key=lambda row: str(row.started))[-n_newest:]
    in_dollars = any(spend.dollars for row in spent for spend in row.built)
    amounts: dict[str, list[float]] = {stage: [0.0] * len(spent) for stage in STAGES}
    for place, row in enumerate(spent):
        for spend in row.built:
            amount = (spend.dollars or 0.0) if in_dollars else spend.seconds / SECONDS_PER_HOUR
            amounts[spend.stage][place] += amount
    kept = {stage: heights for stage, heights in amounts.items() if any(heights)}
    return Bars([_label(row) for row in spent], kept, "dollars" if in_dollars else "hours")


def write_spend(bars: Bars, file: Path) -> None:
    """Draw the bars, newest below.

    Args:
        bars: What to draw.
        file: `.svg` or `.png`.
    """
    with drawing(height=1.2 + BAR_INCHES * max(len(bars.names), 1)) as drawn:
        _draw(drawn, bars)
        if file.suffix == ".png":
            drawn.figure.patch.set(alpha=1, facecolor="white")
            drawn.figure.savefig(file, dpi=160)
    if file.suffix != ".png":
        file.write_text(str(drawn.svg), encoding="utf-8")


def _draw(drawn: Drawing, bars: Bars) -> None:
    axes, lefts = drawn.axes, [0.0] * len(bars.names)
    for stage, amounts in bars.amounts.items():
        axes.barh(range(len(lefts)), amounts, left=lefts, height=0.7, color=_colour(stage), label=stage)
        lefts = [left + amount for left, amount in zip(lefts, amounts, strict=True)]
    for height, whole in enumerate(lefts):
        axes.annotate(
            f" {whole:,.2f}" if bars.unit == "dollars" else f" {whole:.3g}",
            (whole, height),
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_yticks(range(len(lefts)), bars.names, fontsize=8)
    axes.set_ylim(len(lefts) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=6)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel(f"{bars.unit} of stages that the run built itself", fontsize=9)
    if bars.amounts:
        drawn.figure.legend(loc="outside upper center", ncols=5, frameon=False, fontsize=8, handlelength=1)


def _colour(stage: str) -> str:
    return COLOURS[list(STAGES).index(stage) % len(COLOURS)]


def _label(row: RunRow) -> str:
    name = row.recipe if len(row.recipe) <= MAX_LABEL else f"{row.recipe[: MAX_LABEL - 1]}\N{HORIZONTAL ELLIPSIS}"
    return f"{name}\n{row.started:%m-%d %H:%M}" if row.started else name
