"""Config of the gate, the watch and what starts an update."""

from datetime import date
from typing import Annotated

from pydantic import Field

from tasks.common.settings import Config
from tasks.schemas.live import ScoreName

Rate = Annotated[float, Field(gt=0, le=0.2)]


class GateConfig(Config):
    """When a candidate replaces the version in production."""

    holdout_days: int = Field(250, ge=1, le=5_000)
    """Newest days with outcomes on which both are scored, and that the candidate was not trained on. 500 outcomes of 51
    pairs are ten days, on which hardly any difference can be shown."""
    score: ScoreName = "accuracy"
    """The score that decides; the others are shown."""
    margin: float = Field(0.0, ge=0, le=0.5)
    """The difference's interval must lie above it."""
    false_promotion_rate: Rate = 0.05
    """If no candidate is ever better than production by the margin, the chance of any promotion is at most this,
    however many updates there are. After a promotion levels rise as e-LOND's do; their bound on the share of false
    promotions is not shown for hold-outs that share days."""


class SwapTest(Config):
    """When a swap is undone."""

    score: ScoreName = "accuracy"
    """The score that is watched."""
    margin: float = Field(0.0, ge=0, le=0.5)
    """The previous version must be better by more than this."""
    false_rollback_rate: Rate = 0.05
    """Chance, for each swap, that it is ever undone although the previous version is on no day expected to be better by
    the margin."""
    settle_days: int = Field(120, ge=0, le=5_000)
    """Live days after a swap in which no other is made: a second swap would leave only the version of the first to go
    back to. The watch goes on after them."""

    def has_settled(self, n_live_days: int, crossed_on: date | None) -> bool:
        """Whether a swap was watched long enough for another one; never if it is to be undone.

        Args:
            n_live_days: Days since the swap that have outcomes.
            crossed_on: The day on which the test crossed; None if it has not.
        """
        return crossed_on is None and n_live_days >= self.settle_days


class WatchConfig(SwapTest):
    """The test of a swap, for labels of a length."""

    horizon_days: int = Field(5, ge=1, le=60)
    """Days that a label takes. So many series of bets are made beside each other, since a series bets again only when
    its label has ended; each may spend its share of the rate. With fewer than a label takes, days are left out; with
    more, the test is stricter than it needs to be."""


class UpdateTrigger(Config):
    """When an update starts: by time or by the number of new outcomes, whichever comes first."""

    every_hours: float = Field(4.0, gt=0, le=24 * 366)
    """Hours since the last update, if there is any new outcome."""
    n_outcomes: int = Field(500, ge=1, le=10_000_000)
    """New outcomes that start an update earlier."""
