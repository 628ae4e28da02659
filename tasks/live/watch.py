"""The sequential test after a swap: the previous version beside the current one, on live outcomes only.

Series of bets that the previous version is better (`bets`) go on beside each other, one for each day that a label
takes, and are looked at after every bet, for as long as one likes. If on no day the previous version is expected to be
better by the margin, one of h series ever reaches h / rate with a probability of at most rate (Ville, Bonferroni), if a
day's outcomes are whole when it is given and do not change afterwards.
Their mean would not do: one could stop when another series' open bet is about to lose.
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


class Series(Frozen):
    """Bets of which each begins when the labels of the one before have ended."""

    logs: tuple[float, ...] = (0.0,) * len(STAKES)
    """Logarithm of each bettor's capital."""
    settled_on: date | None = None
    """The last day of the labels of its newest bet."""

    def after(self, day: PairedDays, config: WatchConfig) -> Self:
        """The series with a bet on a day."""
        won = log_won(day.difference(config.score), day.bound[config.score], config.margin)[0]
        logs = np.maximum(np.array(self.logs) + won, LEAST)
        return self.model_copy(update={"logs": tuple(map(float, logs)), "settled_on": day.label_until[0].item()})


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
    series: tuple[Series, ...] = ()
    """As many as were begun, at most `config.horizon_days`."""
    crossed_on: date | None = None
    """The day whose bet made it cross; once crossed, it stays so."""

    @property
    def evidence(self) -> float:
        """The statistic: the largest capital of a series, divided by the number of series."""
        return float(np.exp(min(self._log, MOST)))

    @property
    def boundary(self) -> float:
        """Where the swap is undone."""
        return 1 / self.config.false_rollback_rate

    @property
    def is_settled(self) -> bool:
        """Whether the swap was watched long enough for another one."""
        return self.config.has_settled(self.n_days, self.crossed_on)

    @property
    def _log(self) -> float:
        capitals = [float(log_mean(np.array(own.logs))) for own in self.series]
        return max(capitals, default=0.0) - float(np.log(self.config.horizon_days))

    def after(self, days: PairedDays) -> Self:
        """Count new days.

        Args:
            days: Previous version (own) and current one (other), on live outcomes; all days after those counted. A day
                is given once its outcomes are whole. If some changed since, count all days again from `start_watch`;
                the bound is that of days that do not change.

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
        place = next((n for n, own in enumerate(self.series) if own.settled_on and own.settled_on <= today), None)
        if place is None and len(self.series) == self.config.horizon_days:
            return self.model_copy(update=counted)
        series = [*self.series] if place is not None else [*self.series, Series()]
        place = len(series) - 1 if place is None else place
        series[place] = series[place].after(day, self.config)
        after = self.model_copy(update=counted | {"n_bets": self.n_bets + 1, "series": tuple(series)})
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
        n_series, score = self.config.horizon_days, self.config.score
        level = self.config.false_rollback_rate / n_series
        low, high = (
            max(lower_end([own], level) for own in all_bets(days, score)[:n_series])
            for days in (counted, counted.swapped())
        )
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
