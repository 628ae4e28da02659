"""A sweep's ranking as rows, and the sentences without which it would be misread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.common.text import DASH, bounds, signed
from tasks.sweep.figures import Metric, with_interval
from tasks.sweep.ranking import Ranked, Ranking

Row = dict[str, str]

LIMITS = (
    "A model that training has broken has no premium either: look at the final loss before the place.",
    "No interval here holds what another training run of the same recipe would give (vary train.seed to see it), nor "
    "what earlier sweeps on the same panel have chosen already.",
)


@dataclass(frozen=True)
class Line:
    """What a variation's row shows beside its figure.

    Args:
        differs: Its settings, against the first variation's.
        tokens_seen: Of its training.
        final_loss: Of its training, nats per token.
        dollars: With all that it found.
        verdict: Or why there is no figure.
        base: Which base it shares: `A`, `B`, by the variations' order.
        link: To its run, or where its report stands.
    """

    differs: str
    tokens_seen: int | None
    final_loss: float | None
    dollars: float | None
    verdict: str
    base: str
    link: str


def ranking_rows(ranking: Ranking, lines: Mapping[str, Line], metric_name: str) -> list[Row]:
    """The table, best first, those without a figure last with their reason.

    Args:
        ranking: The order.
        lines: The rest of each row, by variation.
        metric_name: What the figure is called.
    """
    return [_row(ranked, lines[ranked.entry.name], metric_name) for ranked in ranking.rows]


def remarks(ranking: Ranking, metric: Metric, n_failed: int, n_bases: int = 1) -> list[str]:
    """What must be said with the table: direction, what was told apart, what the choice itself is worth.

    Args:
        ranking: The order.
        metric: What it was ranked by.
        n_failed: Variations without a report.
        n_bases: How many different bases they were held against.
    """
    ranked = [row for row in ranking.rows if row.place is not None]
    said = [f"Ranked by {metric.words}, {metric.best} first."]
    if not ranked:
        return [*said, "No variation has a figure to be ranked by."]
    return [*said, *_apart(ranking, ranked), *_luck(ranking, ranked), *_bases(n_bases), *_failures(n_failed), *LIMITS]


def _row(ranked: Ranked, line: Line, metric_name: str) -> Row:
    return {
        "place": DASH if ranked.place is None else str(ranked.place),
        "variation": ranked.entry.name,
        "differs from the first": line.differs or DASH,
        metric_name: with_interval(ranked.entry.figure),
        "behind the best": _behind(ranked),
        "told apart from the best": _told_apart(ranked),
        "tokens seen": DASH if line.tokens_seen is None else f"{line.tokens_seen:,}",
        "final loss": DASH if line.final_loss is None else f"{line.final_loss:.4g}",
        "dollars": DASH if line.dollars is None else f"{line.dollars:,.2f}",
        "base": line.base or DASH,
        "verdict": line.verdict or ranked.entry.figure.why_none or DASH,
        "run": line.link,
    }


def _behind(ranked: Ranked) -> str:
    if ranked.difference is None:
        return DASH
    point, low, high = ranked.difference
    return f"{signed(point)} {bounds((low, high))}"


def _told_apart(ranked: Ranked) -> str:
    if ranked.place == 1 and ranked.is_told_apart is None and ranked.difference is None:
        return "best"
    return {None: DASH, True: "yes", False: "no"}[ranked.is_told_apart]


def _apart(ranking: Ranking, ranked: Sequence[Ranked]) -> list[str]:
    best = ranked[0]
    alike = [row.entry.name for row in ranked[1:] if row.is_told_apart is False]
    unknown = [row.entry.name for row in ranked[1:] if row.is_told_apart is None]
    overlapping = [row.entry.name for row in ranked[1:] if row.difference is None and row.is_told_apart is not None]
    said = []
    if alike:
        said.append(f"Not told apart from {best.entry.name}: {', '.join(alike)}. Their order may be chance.")
    elif len(ranked) > 1 and not unknown:
        said.append(f"{best.entry.name} is told apart from all others.")
    if ranking.n_draws:
        said.append(
            f"`behind the best` is a difference on the same {ranking.n_draws:,} two-way draws, and its interval holds "
            "for all pairs of variations at once (95 %), whichever of them came out best."
        )
    if overlapping:
        said.append(
            f"{', '.join(overlapping)}: of other draws or another panel than the best, so that only the intervals "
            "themselves were held against each other: told apart where they do not overlap."
        )
    return said + [f"{', '.join(unknown)}: no interval, so that nothing is told." for _ in unknown[:1]]


def _luck(ranking: Ranking, ranked: Sequence[Ranked]) -> list[str]:
    if len(ranked) < 2:
        return []
    best = ranked[0].entry
    said = (
        f"The best of {len(ranked)} looks better than it is, for it was chosen by the same rows that measure it; its "
        "own interval knows nothing of the choice."
    )
    if ranking.luck is None:
        return [f"{said} By how much was not computed, for not all variations were measured on the same draws."]
    return [
        f"{said} Expected from the draws: by {ranking.luck:.4f}, of a figure of {signed(best.figure.point)}. Quote it "
        "from a panel that had no part in the choice."
    ]


def _bases(n_bases: int) -> list[str]:
    if n_bases < 2:
        return []
    return [f"{n_bases} bases (column `base`): between those, panel, base model or settings of the measure differ too."]


def _failures(n_failed: int) -> list[str]:
    return [f"{n_failed} without a report stand last, with the reason."] if n_failed else []
