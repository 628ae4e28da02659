"""The figures of the first page, each with its table, the rows it counts, and the artifacts its numbers are from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.report.figures import draws as draw_figures
from tasks.report.figures import recall as recall_figures
from tasks.report.figures import reference, robust
from tasks.report.figures.drawing import Plot
from tasks.report.figures.ladder import course
from tasks.report.figures.spend import spend_by_stage
from tasks.report.figures.training import training_loss
from tasks.report.tables.ladder import REFERENCE
from tasks.report.tables.provenance import loss_curves
from tasks.report.tables.recall import VARIANT_NAMES
from tasks.sampling.clusters import MIN_CLUSTERS
from tasks.schemas.estimates import FitName
from tasks.schemas.recall import Curve, Recall, Unit
from tasks.schemas.scores import PremiumScores, RobustScores, models_of
from tasks.store.records import Record

PREMIUMS_FIT: FitName = "unscaled"
"""Premiums of controls are drawn under the reference's fit: the premium is its figure."""


@dataclass(frozen=True)
class Shown:
    """One figure of the page.

    Args:
        title: What it answers.
        plot: The figure and its rows; None where there are no numbers.
        caption: How to read it.
        counted: What it counts: rows, documents, draws.
        kinds: Stages whose artifacts its numbers are from.
    """

    title: str
    plot: Plot | None
    caption: str
    counted: str
    kinds: tuple[str, ...] = ("premium",)


def gallery(
    scores: PremiumScores,
    stock_draws: np.ndarray,
    two_way: np.ndarray | None,
    corpus: Mapping[str, Any] | None,
    records: Sequence[Record],
    recall: Recall | None = None,
    lost: Sequence[str] = (),
) -> list[Shown]:
    """All figures that the run has numbers for.

    Args:
        scores: The figures.
        stock_draws: (n_kept, 1 + 2 * n_models) of the reference contract.
        two_way: (n_kept, n_columns) of the robust scores; None where there are none.
        corpus: The corpus section; None where there is no corpus.
        records: All artifacts the scores came from, sources first.
        recall: What the recall probes found; None where the run has none.
        lost: What was lost on rented machines.
    """
    found = [
        *(_of_robust(scores, scores.robust, two_way) if scores.robust else ()),
        *(_of_ladders(scores, scores.robust) if scores.robust else ()),
        *(_of_recall(recall) if recall else ()),
        *_of_reference(scores, stock_draws),
        *_of_the_run(corpus, records, lost),
    ]
    return [shown for shown in found if shown.plot is not None]


def _of_robust(scores: PremiumScores, found: RobustScores, two_way: np.ndarray | None) -> Iterator[Shown]:
    rows, pairs = f"{scores.n_rows:,} rows", list(found.pairs)
    what = " - ".join(models_of(pairs[0])) + " under every fit" if len(pairs) == 1 else "Each pair under both fits"
    mark = "Circle: all rows; line: 95 % interval."
    yield Shown(
        "Differences between the models",
        robust.headline(found),
        f"{what}. {mark} In colour: the two fits that decide the verdict.",
        rows,
    )
    if two_way is not None:
        yield from (
            Shown(
                f"Draws of the lookahead, {pair}",
                draw_figures.lookahead_draws(two_way, found, pair),
                "Draws of stocks and days, standardized columns. Thick: all rows; dashed: the interval; grey: zero.",
                f"{rows}, {found.n_kept_draws} of {found.n_draws} draws",
            )
            for pair in pairs
        )
    yield Shown(
        "R2 by protocol",
        robust.protocols(found),
        "From the test that shares days with the train side to the one after the cut. Marks differ in shape by model.",
        rows,
    )
    yield Shown(
        "Decomposition",
        robust.decomposition(found),
        "R2 on, with as many train rows as disjoint, is the shared-day effect plus R2 disjoint, which remains without "
        f"shared days. {mark}",
        rows,
    )
    yield Shown(
        "Controls",
        robust.controls(found, PREMIUMS_FIT),
        "Circles: premiums of the models with 95 % intervals. Diamonds: premiums of the controls; orange: one column "
        "per day, which cannot know the future.",
        rows,
    )
    yield Shown(
        "Power",
        robust.power(found),
        "Probability that the 95 % interval lies beyond zero, over the true size of the figure.",
        rows,
    )


def _of_ladders(scores: PremiumScores, robust: RobustScores) -> Iterator[Shown]:
    for family, ladder in robust.ladders.items():
        yield Shown(
            f"Ladder of cutoffs, {family}",
            course(ladder, scores.cut, REFERENCE),
            "Circle: a model, all rows. Line through it: 95 % of the distance from the models' mean, on paired draws. "
            "Curve: the tent that fits the premium alone best; the verdict is on three figures. Diamonds: the "
            "reference's three models on its own panel, where this tent does not hold.",
            f"{scores.n_rows:,} rows, {len(ladder.rungs)} models",
        )


def _of_recall(found: Recall) -> Iterator[Shown]:
    n_documents = max(sum(period.n_documents for period in own.curve.periods) for own in found.models.values())
    documents = f"{n_documents:,} documents"
    yield Shown(
        "Probe curve: bits per byte by day",
        recall_figures.curves(found),
        f"Documents that the run did not train on, a point for each {found.period} that has some; fewer bits are "
        f"better predicted. {_marks_of([own.curve for own in found.models.values()], found.unit)}",
        documents,
        ("recall",),
    )
    yield Shown(
        "Probe curve: difference of two models",
        recall_figures.differences(found),
        "The same documents, bits per byte of the first model less the second's: above zero, the second predicts "
        f"better. {_marks_of([own.curve for own in found.pairs.values()], found.unit)}",
        documents,
        ("recall",),
    )
    n_asked = max((own.n_asked for model in found.models.values() for own in model.questions.values()), default=0)
    yield Shown(
        "Recall of directions by question",
        recall_figures.recall_by_variant(found, {name: own[0] for name, own in VARIANT_NAMES.items()}),
        "AUC by what the question names: probability that a row that rose has the larger probability of a rise than "
        "one that fell. Lines: 95 % intervals by date. At 0.5: chance.",
        f"{n_asked:,} rows",
        ("recall",),
    )


def _marks_of(curves: Sequence[Curve], unit: Unit) -> str:
    """How to read what is drawn beside the points, and why there are no bars where there are none."""
    have_bars = any(period.rate.interval for own in curves for period in own.periods)
    marks = {
        "Bars: 95 % intervals.": have_bars,
        f"No bars: no point has the {MIN_CLUSTERS} {unit}s that an interval needs.": not have_bars,
        "Long line with a band: change point with its 95 % interval.": any(own.change.day for own in curves),
        "Dotted: stated cutoffs.": any(own.cutoff for own in curves),
    }
    return " ".join(text for text, is_drawn in marks.items() if is_drawn)


def _of_reference(scores: PremiumScores, stock_draws: np.ndarray) -> Iterator[Shown]:
    counted = f"{scores.n_rows:,} rows, {scores.n_kept_draws} of {scores.n_draws} stock draws"
    yield Shown(
        "Premiums of the reference contract",
        reference.premiums(scores),
        "Circle: all stocks. Line: 95 % of the stock draws, the reference interval; tick: their median.",
        counted,
    )
    yield Shown(
        "Draws of the reduction",
        reference.reduction_draws(stock_draws, scores),
        "Draws of whole stocks, the same for both models. Thick line: all stocks; dashed: the interval; grey: zero.",
        counted,
    )


def _of_the_run(corpus: Mapping[str, Any] | None, records: Sequence[Record], lost: Sequence[str]) -> Iterator[Shown]:
    if corpus:
        yield Shown(
            "Corpus",
            corpus["figure"],
            "Training documents by their own date. Dashed: the end of the cutoff day.",
            f"{corpus['ledger']['n_documents']:,} documents",
            ("corpus",),
        )
    if curves := loss_curves(records):
        per_arm = ", a line per arm" if len(curves) > 1 else ""
        n_steps = sum(len(curve) for curve in curves.values())
        yield Shown(
            "Training loss",
            training_loss(curves),
            f"Training loss over the tokens seen, as logged by the trainer{per_arm}.",
            f"{n_steps:,} logged steps; the table has at most 20 of each training",
            ("train",),
        )
    yield Shown(
        "Spend",
        spend_by_stage(records),
        " ".join(
            (
                "Machine time by stage, as the records hold it: of the run that built each artifact.",
                "Dollars are in the table.",
                *lost,
            )
        ),
        f"{len(records)} artifacts",
        tuple(dict.fromkeys(record.kind for record in records)),
    )
