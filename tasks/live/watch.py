"""The sequential test after a swap: the previous version beside the current one, on live outcomes only.

The capital of bets that the previous version is better (`bets`) is looked at after every one of them, for as long as
one likes. If on no day the previous version is expected to be better by the margin, it ever reaches 1 / rate with a
probability of at most rate. A bet is counted on the day its labels are known; between bets nothing is looked at.
"""

from datetime import date, datetime
from typing import Self

import numpy as np

from tasks.common.settings import Frozen
from tasks.live.bets import MOST, STAKES, all_bets, log_mean, log_won, lower_end
from tasks.live.config import WatchConfig
from tasks.live.errors import BadDays
from tasks.live.paired import PairedDays, check_new_days
from tasks.schemas.live import WatchRecord

LEAST = -1e300
"""Stands for the logarithm of a capital that is lost."""


class WatchState(Frozen):
    """What the watch has counted so far; only new days change it."""

    current: str
    previous: str
    since: date
    config: WatchConfig
    last_day: date | None = None
    n_days: int = 0
    n_rows: int = 0
    differences: float = 0.0
    """Sum over days of previous less current."""
    n_bets: int = 0
    logs: tuple[float, ...] = (0.0,) * len(STAKES)
    """Logarithm of each bettor's capital."""
    settled_on: date | None = None
    """The last day of the labels of the newest bet: from then on the next one is made."""
    crossed_on: date | None = None
    """The day whose bet made it cross; once crossed, it stays so."""

    @property
    def evidence(self) -> float:
        """The statistic."""
        return float(np.exp(min(self._log, MOST)))

    @property
    def boundary(self) -> float:
        """Where the swap is undone."""
        return 1 / self.config.false_rollback_rate

    @property
    def is_settled(self) -> bool:
        """Whether the swap was watched long enough for another one."""
        return self.crossed_on is None and self.n_days >= self.config.settle_days

    @property
    def _log(self) -> float:
        return float(log_mean(np.array(self.logs)))

    def after(self, days: PairedDays) -> Self:
        """Count new days.

        Args:
            days: Previous version (own) and current one (other), on live outcomes; all days after those counted. If
                outcomes came late or were corrected, count all days again from `start_watch`: the answer is the same as
                if they had come in time.

        Raises:
            BadDays: If a day was counted before, or lies before the swap.
        """
        if len(days) and days.days[0] < np.datetime64(self.since):
            raise BadDays(f"day {days.days[0]} lies before the swap on {self.since}; give live outcomes only.")
        if self.last_day:
            check_new_days(days, np.datetime64(self.last_day))
        state = self
        for place in range(len(days)):
            state = state._after_day(days.where(slice(place, place + 1)))
        return state

    def _after_day(self, day: PairedDays) -> Self:
        score, today = self.config.score, day.days[0].item()
        difference = day.difference(score)
        counted = {
            "last_day": today,
            "n_days": self.n_days + 1,
            "n_rows": self.n_rows + int(day.n_rows[0]),
            "differences": self.differences + float(difference[0]),
        }
        if self.settled_on and today < self.settled_on:
            return self.model_copy(update=counted)
        won = log_won(difference, day.bound[score], self.config.margin)[0]
        bet = {
            "n_bets": self.n_bets + 1,
            "logs": tuple(map(float, np.maximum(np.array(self.logs) + won, LEAST))),
            "settled_on": day.label_until[0].item(),
        }
        after = self.model_copy(update=counted | bet)
        if after.crossed_on is None and after._log >= np.log(self.boundary):
            return after.model_copy(update={"crossed_on": today})
        return after

    def record(self, line: str, at: datetime, counted: PairedDays | None = None) -> WatchRecord:
        """The watch as it stands.

        Args:
            line: Of both versions.
            at: UTC.
            counted: All days that were counted, for the difference's interval; None leaves it out.
        """
        mean = self.differences / self.n_days if self.n_days else None
        return WatchRecord(
            line=line,
            at=at,
            current=self.current,
            previous=self.previous,
            since=self.since,
            last_day=self.last_day,
            n_rows=self.n_rows,
            n_days=self.n_days,
            n_bets=self.n_bets,
            score=self.config.score,
            difference=mean,
            interval=self._interval(counted) if counted and len(counted) else None,
            evidence=self.evidence,
            boundary=self.boundary,
            crossed_on=self.crossed_on,
            verdict="roll back" if self.crossed_on else "watching",
            sentence=self._sentence(mean),
        )

    def _interval(self, counted: PairedDays) -> tuple[float, float]:
        score, rate = self.config.score, self.config.false_rollback_rate
        low, high = (lower_end(all_bets(own, score)[:1], rate) for own in (counted, counted.swapped()))
        return low, -high

    def _sentence(self, mean: float | None) -> str:
        if mean is None:
            return f"Watching {self.current} beside {self.previous}: no live outcome yet."
        counted = f"{self.config.score} of {self.previous} less {self.current} {mean:+.3f} on {self.n_days} live days"
        if self.crossed_on:
            return f"Roll back: {counted}; the evidence reached {self.boundary:g} on {self.crossed_on}."
        return f"Watching: {counted}; evidence {self.evidence:.3g}, undone at {self.boundary:g}."


def start_watch(current: str, previous: str, since: date, config: WatchConfig) -> WatchState:
    """The state on the day of the swap.

    Args:
        current: The version that came into production.
        previous: The one it replaced.
        since: First day whose forecasts were made by the current version.
        config: Score, margin and rate.
    """
    return WatchState(current=current, previous=previous, since=since, config=config)
