"""The sequential test after a swap: the previous version beside the current one, on live outcomes only.

The capital of bets that the previous version is better (`bets`) is looked at after every block of days, for as long as
one likes. If on no day the previous version is expected to be better by the margin, it ever reaches 1 / rate with
probability rate at most.
"""

from datetime import date, datetime
from typing import Self

import numpy as np
from pydantic import Field

from tasks.common.settings import Frozen
from tasks.live.bets import FRACTIONS, MOST, TINY, log_capitals, mean_capital
from tasks.live.config import WatchConfig
from tasks.live.errors import BadDays
from tasks.live.paired import PairedDays, check_new_days
from tasks.schemas.live import WatchRecord


class Block(Frozen):
    """Days of the block that is not settled yet."""

    n_days: int = Field(0, ge=0)
    shares: float = 0.0
    """Sum over its days of what a bet of the whole capital wins."""
    settled_on: date | None = None
    """The last day of its labels; None for a block without days."""


class WatchState(Frozen):
    """What the watch has counted so far; new days alone change it."""

    current: str
    previous: str
    since: date
    config: WatchConfig
    last_day: date | None = None
    n_days: int = 0
    n_rows: int = 0
    differences: float = 0.0
    """Sum over days of previous less current."""
    n_blocks: int = 0
    logs: tuple[float, ...] = (0.0,) * len(FRACTIONS)
    """Logarithm of each bettor's capital after the closed blocks; -inf is stored as the smallest float."""
    open: Block = Block()
    crossed_on: date | None = None
    """Last day of the block that made it cross; once crossed, it stays so."""

    @property
    def evidence(self) -> float:
        """The statistic."""
        return float(np.exp(min(float(mean_capital(np.array(self.logs))), MOST)))

    @property
    def boundary(self) -> float:
        """Where the swap is undone."""
        return 1 / self.config.false_rollback_rate

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
        score, margin = self.config.score, self.config.margin
        today, difference = day.days[0].item(), float(day.difference(score)[0])
        counted = {
            "last_day": today,
            "n_days": self.n_days + 1,
            "n_rows": self.n_rows + int(day.n_rows[0]),
            "differences": self.differences + difference,
        }
        block = self.open
        if block.n_days == self.config.days_per_block:
            if block.settled_on and today < block.settled_on:
                return self.model_copy(update=counted)
            block = Block()
        share = max((difference - margin) / max(float(day.bound[score][0]) + margin, TINY), -1.0)
        until = day.label_until[0].item()
        block = Block(
            n_days=block.n_days + 1,
            shares=block.shares + share,
            settled_on=max(block.settled_on or until, until),
        )
        if block.n_days < self.config.days_per_block:
            return self.model_copy(update=counted | {"open": block})
        return self._closed(block).model_copy(update=counted | {"open": block} | self._crossing(block, today))

    def _closed(self, block: Block) -> Self:
        return self.model_copy(update={"logs": self._logs_after(block), "n_blocks": self.n_blocks + 1})

    def _logs_after(self, block: Block) -> tuple[float, ...]:
        won = log_capitals(np.array([block.shares / block.n_days]))
        return tuple(float(max(log, -np.finfo(float).max)) for log in np.array(self.logs) + won)

    def _crossing(self, block: Block, today: date) -> dict[str, date]:
        log = float(mean_capital(np.array(self._logs_after(block))))
        is_new = self.crossed_on is None and log >= np.log(self.boundary)
        return {"crossed_on": today} if is_new else {}

    def record(self, line: str, at: datetime) -> WatchRecord:
        """The watch as it stands.

        Args:
            line: Of both versions.
            at: UTC.
        """
        verdict = "roll back" if self.crossed_on else "watching"
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
            n_blocks=self.n_blocks,
            score=self.config.score,
            difference=mean,
            evidence=self.evidence,
            boundary=self.boundary,
            crossed_on=self.crossed_on,
            verdict=verdict,
            sentence=self._sentence(mean),
        )

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
