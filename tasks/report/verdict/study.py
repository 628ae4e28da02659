"""The scores as the answers read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.common.text import bounds, signed
from tasks.report.quoted import Quoted
from tasks.report.tables.decomposition import Relation
from tasks.schemas.estimates import CO_PRIMARY, FitName
from tasks.schemas.results import QuotedFigure
from tasks.schemas.scores import Power, PremiumScores, RobustScores, Verdict

HEADLINES = {"lookahead": "on unseen stocks and days", "gain": "on the days after the cut"}
"""Figure, and where it compares two models."""
Sides = Mapping[str, Verdict]
"""The side of zero that each headline figure of a pair is on."""


@dataclass(frozen=True)
class Study:
    """What the answers are made of.

    Args:
        quoted: The figures.
        robust: The robust scores among them.
        relation: What the reference model was before it became the other one of a pair.
    """

    quoted: Quoted
    robust: RobustScores
    relation: Relation

    @property
    def scores(self) -> PremiumScores:
        """All scores."""
        return self.quoted.scores

    @property
    def is_heavy(self) -> bool:
        """Whether a few days after the cut decide figures with R2 off."""
        return bool(self.robust.tails and self.robust.tails.warning)

    def sides(self) -> dict[str, Sides]:
        """The premium stage's conclusions by pair and headline figure."""
        return {
            pair: {
                metric: own.conclusions[metric].verdict if metric in own.conclusions else "undecided"
                for metric in HEADLINES
            }
            for pair, own in self.robust.pairs.items()
        }

    def contradicts(self, pair: str, metric: str) -> bool:
        """Whether the two fits are clear of zero on opposite sides."""
        ends = [getattr(self.robust.difference(pair)[fit], metric).interval for fit in CO_PRIMARY]
        known = [own for own in ends if own is not None]
        return any(low > 0 for low, _ in known) and any(high < 0 for _, high in known)

    def powers(self) -> dict[tuple[str, str], list[Power]]:
        """Power by pair and headline figure, of the fits that have one."""
        return {
            (pair, metric): [power for power in own.power if power.metric == metric]
            for pair, own in self.robust.pairs.items()
            for metric in HEADLINES
        }

    def named(self, pair: str, metric: str) -> str:
        """The figure, with its pair where there are several."""
        return metric if len(self.robust.pairs) == 1 else f"{metric} of {pair}"


def blind_fits(powers: Iterable[Power]) -> list[FitName]:
    """The co-primary fits without power: their draws do not vary, so that nothing can be found."""
    seeing = {own.fit for own in powers}
    return [fit for fit in CO_PRIMARY if fit not in seeing]


def with_ends(found: QuotedFigure) -> str:
    """`+0.0183 [-0.0317, +0.0683]`."""
    if found.ends is None:
        return f"{signed(found.point)}{'' if found.point is None else ' (no interval)'}"
    return f"{signed(found.point)} {bounds(found.ends)}"
