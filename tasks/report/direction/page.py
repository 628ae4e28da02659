"""The page: a template, and what its sections show."""

from collections.abc import Sequence

from tasks.report.direction import claims, figures, tables
from tasks.report.direction.config import DirectionReportConfig
from tasks.report.page import panel_section, run_section, template
from tasks.schemas.direction import LEAKING, SPLITS, DirectionScores, Figure, SplitName
from tasks.store.records import Record

SHOWN_SPLITS: tuple[SplitName, ...] = ("shuffled", tables.QUOTED)
"""Of figures that are drawn per split; the overlapping one looks as the chronological one does."""
WHO = {
    "look-up": "A look-up of day and currency, which reads no feature,",
    "boosting": "Gradient boosting on the panel's numbers",
    "planted": "The control that is shown the outcome",
}
"""Baselines that the finding is about, in the words of a sentence."""


def render(config: DirectionReportConfig, scores: DirectionScores, records: Sequence[Record]) -> str:
    """Render the page.

    Args:
        config: Title, and whether the run is only a smoke test.
        scores: The figures.
        records: All artifacts they came from, sources first.

    Returns:
        HTML that loads nothing from elsewhere.
    """
    return template("direction.html").render(
        config=config,
        scores=scores,
        claims=claims,
        findings=findings(scores),
        split_columns=SPLITS,
        leaking=LEAKING,
        accuracies=tables.accuracies(scores),
        splits=tables.splits(scores),
        premiums=tables.premiums(scores),
        premium_figure=figures.premium(scores),
        kept=tables.kept(scores),
        kept_figures={split: figures.kept(scores, split) for split in SHOWN_SPLITS},
        calibration=tables.calibration(scores),
        calibration_figures={split: figures.calibration(scores, split) for split in SHOWN_SPLITS},
        profits=tables.profits(scores),
        pegs=tables.pegs(scores),
        without_pegs=tables.without_pegs(scores),
        panel=panel_section(records),
        run=run_section([], records),
    )


def findings(scores: DirectionScores) -> list[str]:
    """A sentence per baseline: its accuracy on the shuffled hold-out beside the chronological one."""
    found = []
    for name, what in WHO.items():
        own = scores.models.get(name)
        if own is None or "shuffled" not in own.splits:
            continue
        shuffled, quoted = (_accuracy(own.splits[split].accuracy) for split in SHOWN_SPLITS)
        found.append(
            f"{what} is right in {shuffled} of the rows of a shuffled hold-out, and in {quoted} of those of the "
            "chronological one."
        )
    return found


def _accuracy(figure: Figure) -> str:
    return " ".join([tables.share(figure.point), *([tables.ends(figure.by_date)] if figure.by_date else [])])
