"""Figures of the direction check: the accuracy premium, accuracy by share of trades kept, and calibration."""

import math

from markupsafe import Markup

from tasks.report.direction import claims
from tasks.report.figures.drawing import BLUE, INK, LINE, ORANGE, drawing, mark, model_colours, name_rows
from tasks.schemas.direction import DirectionScores, Kept, SplitName

COLOURS = {"shuffled": ORANGE, "overlapping": BLUE}
MIN_BIN_ROWS = 20
"""A share of fewer rows is noise."""


def premium(scores: DirectionScores) -> Markup | None:
    """Accuracy premium of each leaking split, a row per model."""
    rows = [
        (f"{name}, {split}", found, COLOURS[split])
        for name, own in scores.models.items()
        for split, found in own.premium.items()
        if found.point is not None
    ]
    if not rows:
        return None
    with drawing(height=0.9 + 0.28 * len(rows)) as drawn:
        for height, (_, found, colour) in enumerate(rows):
            mark(drawn.axes, height, found.point, found.by_date, colour)
        name_rows(drawn.axes, [name for name, _, _ in rows])
        drawn.axes.set_xlabel("accuracy premium")
    return drawn.svg


def kept(scores: DirectionScores, split: SplitName) -> Markup | None:
    """Accuracy over the share of trades kept on one split's hold-out, a line per model."""
    curves = {name: _curve(own.splits[split].by_share) for name, own in scores.models.items() if split in own.splits}
    if not any(curves.values()):
        return None
    colours = model_colours(scores.models)
    with drawing(height=3.1) as drawn:
        axes = drawn.axes
        axes.axvspan(*claims.KEPT_SHARES, color=LINE, alpha=0.5, linewidth=0)
        axes.axhline(0.5, color=LINE, linewidth=1)
        for name, curve in curves.items():
            shares, accuracies, lows, highs = zip(*curve, strict=True) if curve else ((),) * 4
            axes.plot(shares, accuracies, marker="o", markersize=3, color=colours[name], label=name)
            axes.fill_between(shares, lows, highs, color=colours[name], alpha=0.12, linewidth=0)
            for at in _at_claimed_certainty(scores.models[name].splits[split].by_certainty):
                axes.plot(*at, marker="D", markersize=7, color=colours[name])
        axes.annotate("0.5", (1, 0.5), xytext=(3, 0), textcoords="offset points", va="center", color=INK)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.03)
        axes.set_xlabel(f"share of trades kept, {split} hold-out")
        axes.set_ylabel("accuracy")
        drawn.figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return drawn.svg


def calibration(scores: DirectionScores, split: SplitName) -> Markup | None:
    """Share of rises over the mean probability of one, in bins that hold at least 20 rows of a split's hold-out."""
    curves = {
        name: [
            (found.mean_probability, found.share_up)
            for found in own.splits[split].calibration
            if found.n_rows >= MIN_BIN_ROWS and found.mean_probability is not None and found.share_up is not None
        ]
        for name, own in scores.models.items()
        if split in own.splits
    }
    if not any(curves.values()):
        return None
    colours = model_colours(scores.models)
    with drawing(height=3.1) as drawn:
        axes = drawn.axes
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
        for name, curve in curves.items():
            if curve:
                axes.plot(*zip(*curve, strict=True), marker="o", markersize=4, color=colours[name], label=name)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel(f"probability of a rise, {split} hold-out")
        axes.set_ylabel("share of rises")
        drawn.figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return drawn.svg


def _curve(by_share: list[Kept]) -> list[tuple[float, float, float, float]]:
    """Share, accuracy and the ends of its interval by date, which are NaN where there is none."""
    found = {own.share: own.accuracy for own in by_share}
    return [
        (share, accuracy.point, *(accuracy.by_date or (math.nan, math.nan)))
        for share, accuracy in sorted(found.items())
        if accuracy.point is not None
    ]


def _at_claimed_certainty(by_certainty: list[Kept]) -> list[tuple[float, float]]:
    return [
        (own.share, own.accuracy.point)
        for own in by_certainty
        if own.certainty == claims.CERTAINTY and own.accuracy.point is not None
    ]
