"""A sweep's ranking as rows, and the notes needed to read it correctly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.common.text import DASH, Row, bounds, signed
from tasks.sweep.figures import Metric, with_interval
from tasks.sweep.ranking import Ranked, Ranking

LIMITS = (
    "A model broken by training has no premium either: check the final loss before the place.",
    "The intervals do not include the variation between training runs of the same recipe (vary train.seed to see it), "
    "nor the selection in earlier sweeps on the same panel.",
)


@dataclass(frozen=True)
class RunDetails:
    """What a variation's row shows beside its figure.

    Args:
        differs: Its settings that differ from the first variation's.
        tokens_seen: In training.
        final_loss: Of training, nats per token.
        dollars: Of all its artifacts, including those found in the store.
        verdict: Or why there is no figure.
        base: Letter of the base it shares: `A`, `B`, in the order of the variations.
        link: To its run, or the path of its report.
    """

    differs: str
    tokens_seen: int | None
    final_loss: float | None
    dollars: float | None
    verdict: str
    base: str
    link: str


def ranking_rows(ranking: Ranking, details: Mapping[str, RunDetails], metric_name: str) -> list[Row]:
    """The table, best first; variations without a figure last, with their reason."""
    return [_row(ranked, details[ranked.candidate.name], metric_name) for ranked in ranking.rows]


def notes(ranking: Ranking, metric: Metric, n_failed: int, n_bases: int = 1) -> list[str]:
    """Sentences below the table: direction, which variations differ, and the selection bias of the best."""
    ranked = [row for row in ranking.rows if row.place is not None]
    first = f"Ranked by {metric.words}, {metric.best} first."
    if not ranked:
        return [first, "No variation has a figure to be ranked by."]
    found = [first, *_difference_notes(ranking, ranked), *_selection_notes(ranking, ranked)]
    if n_bases > 1:
        found.append(
            f"{n_bases} bases (column `base`): panel, base model or premium settings also differ between them."
        )
    if n_failed:
        found.append(f"{n_failed} without a report are last, with the reason.")
    return [*found, *LIMITS]


def _row(ranked: Ranked, details: RunDetails, metric_name: str) -> Row:
    differs = {None: DASH, True: "yes", False: "no"}[ranked.differs_from_best]
    is_best = ranked.place == 1 and ranked.differs_from_best is None and ranked.difference is None
    behind = f"{signed(ranked.difference[0])} {bounds(ranked.difference[1:])}" if ranked.difference else DASH
    return {
        "place": DASH if ranked.place is None else str(ranked.place),
        "variation": ranked.candidate.name,
        "differs from the first": details.differs or DASH,
        metric_name: with_interval(ranked.candidate.figure),
        "behind the best": behind,
        "significant": "best" if is_best else differs,
        "tokens seen": DASH if details.tokens_seen is None else f"{details.tokens_seen:,}",
        "final loss": DASH if details.final_loss is None else f"{details.final_loss:.4g}",
        "dollars": DASH if details.dollars is None else f"{details.dollars:,.2f}",
        "base": details.base or DASH,
        "verdict": details.verdict or ranked.candidate.figure.why_none or DASH,
        "run": details.link,
    }


def _difference_notes(ranking: Ranking, ranked: Sequence[Ranked]) -> list[str]:
    best, *others = ranked
    names = {
        found: [row.candidate.name for row in others if row.differs_from_best is found] for found in (True, False, None)
    }
    unpaired = [row.candidate.name for row in others if row.difference is None and row.differs_from_best is not None]
    found = []
    if names[False]:
        found.append(
            f"Not significantly different from {best.candidate.name}: {', '.join(names[False])}. Their order may be "
            "chance."
        )
    elif others and not names[None]:
        found.append(f"{best.candidate.name} differs significantly from all others.")
    if ranking.n_draws:
        found.append(
            f"`behind the best` is a difference on the same {ranking.n_draws:,} two-way draws, and its interval holds "
            "for all pairs of variations at once (95 %), whichever is the best."
        )
    if unpaired:
        found.append(
            f"{', '.join(unpaired)}: other draws or another panel than the best, so only the intervals themselves are "
            "compared: significant where they do not overlap."
        )
    if names[None]:
        found.append(f"{', '.join(names[None])}: without an interval, so no comparison is possible.")
    return found


def _selection_notes(ranking: Ranking, ranked: Sequence[Ranked]) -> list[str]:
    if len(ranked) < 2:
        return []
    first = (
        f"The best of {len(ranked)} looks better than it is, because it was selected by the same rows that measure it; "
        "its own interval does not include this selection bias."
    )
    if ranking.selection_bias is None:
        return [f"{first} The bias was not computed, because not all variations share their draws."]
    return [
        f"{first} Expected bias from the draws: {ranking.selection_bias:.4f}, for a figure of "
        f"{signed(ranked[0].candidate.point)}. For a quotable figure use a panel that was not used for the selection."
    ]
