"""The page: a template, and what its sections show."""

from collections.abc import Sequence

from tasks.report.direction import claims, figures, language_models, tables
from tasks.report.direction.cells import with_ends
from tasks.report.direction.config import DirectionReportConfig
from tasks.report.page import panel_section, run_section, template
from tasks.schemas.direction import LEAKING, SPLITS, DirectionScores, Kept
from tasks.store.records import Record

ALL = 1.0
SUBJECTS: dict[str, tuple[str, float | None]] = {
    "look-up": ("A look-up of day and currency, which reads no feature,", None),
    "boosting": ("Gradient boosting on the panel's numbers", max(claims.KEPT_SHARES)),
    "planted": ("The control that is shown the outcome", ALL),
}
"""Baselines that the findings are about, in the words of a sentence; and the share that the threshold was to keep, None
for the reference's certainty, ALL for no threshold."""


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
        findings=[*findings(scores), *language_models.findings(scores)],
        split_columns=SPLITS,
        leaking=LEAKING,
        accuracies=tables.accuracies(scores),
        splits=tables.splits(scores),
        **language_models.section(scores),
        premiums=tables.premiums(scores),
        premium_figure=figures.premium(scores),
        kept=tables.kept(scores),
        kept_figures={split: figures.kept(scores, split) for split in tables.KEPT_SPLITS},
        calibration=tables.calibration(scores),
        calibration_figures={split: figures.calibration(scores, split) for split in tables.KEPT_SPLITS},
        profits=tables.profits(scores),
        pegs=tables.pegs(scores),
        without_pegs=tables.without_pegs(scores),
        panel=panel_section(records),
        run=run_section([], records),
    )


def findings(scores: DirectionScores) -> list[str]:
    """Sentences: accuracy on the shuffled hold-out beside the chronological one, of all trades and of those kept."""
    found = []
    for name, (who, asked) in SUBJECTS.items():
        if name in scores.models:
            shuffled, quoted = (scores.models[name].splits[split] for split in tables.KEPT_SPLITS)
            found.append(
                f"{who} is right in {with_ends(shuffled.accuracy)} of the rows of a shuffled hold-out, and in "
                f"{with_ends(quoted.accuracy)} of those of the chronological one."
            )
            rule = _rule(asked)
            found += [
                f"{rule}, it keeps {_kept(one)} of the shuffled hold-out, and {_kept(other)} of the chronological one."
                for (_, one), (_, other) in zip(*map(tables.claimed, (shuffled, quoted)), strict=True)
                if one.asked_share == asked and asked != ALL
            ]
    return found


def _rule(asked: float | None) -> str:
    if asked is None:
        return f"At the reference's certainty of {claims.CERTAINTY}"
    return f"With the threshold that keeps {asked:.0%} of the tuning rows"


def _kept(found: Kept) -> str:
    if not found.n_rows:
        return "none"
    return f"{found.share:.1%} with an accuracy of {with_ends(found.accuracy)}"
