"""A line with four versions: two candidates kept, one promoted and undone, with looks and watches."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from tasks.live.config import GateConfig, WatchConfig
from tasks.live.gate import judge
from tasks.live.watch import start_watch
from tasks.schemas.live import GateFinding, LineMove, LinePage, LineVersion, LiveLook, UpdateCost, WatchRecord
from tests.live.forecasts import days_of

LINE = "forex-r1-7b"
START = datetime(2026, 1, 5, 6, tzinfo=UTC)
GATE, WATCH = GateConfig(holdout_days=120), WatchConfig()


def made_line(why: str = "update with 510 outcomes", by: str = "flow run brave-heron") -> LinePage:
    """Looks at three candidates, of which the last is promoted, and its watch, which ends in a rollback."""
    looks, watches = _looks(), _watches()
    moves = [_move(0, "register", "v1", "first release", "anna@desk"), _move(0, "promote", "v1", "review", "anna@desk")]
    for look in looks:
        action = "promote" if look.gate.verdict == "promote" else "deprecate"
        day = (look.at - START).days
        moves += [_move(day, "register", look.candidate, why, by), _move(day, action, look.candidate, why, by)]
    moves.append(_move((watches[-1].at - START).days, "roll back", "v1", watches[-1].sentence, by))
    versions = [
        LineVersion(name=f"v{number}", state="production" if number == 1 else "deprecated", registered=START)
        for number in range(2, 5)
    ]
    first = LineVersion(
        name="v1",
        state="production",
        registered=START,
        accuracy=0.5213,
        accuracy_interval=(0.4871, 0.5555),
        accuracy_rows=4_080,
    )
    return LinePage(
        line=LINE,
        at=START + timedelta(days=400),
        production="v1",
        versions=[first, *versions],
        moves=moves,
        looks=looks,
        watches=watches,
    )


def _looks() -> list[LiveLook]:
    rng, found, looks = np.random.default_rng(0), list[GateFinding](), []
    for number, gain in enumerate((0.0, 0.02, 0.15), start=1):
        days = days_of(rng.normal(gain, 0.1, 120 + number).clip(-0.4, 0.4), 0.4, horizon=5)
        found.append(judge(days, found, GATE))
        looks.append(
            LiveLook(
                line=LINE,
                at=START + timedelta(days=170 + 14 * number),
                candidate=f"v{number + 1}",
                production="v1",
                n_new_outcomes=510,
                gate=found[-1],
                cost=UpdateCost(seconds=840.0 + number, dollars=0.91, n_tokens=61_440),
            )
        )
    return looks


def _watches() -> list[WatchRecord]:
    loss = days_of(np.random.default_rng(1).normal(0.12, 0.12, 90).clip(-0.4, 0.4), 0.4, horizon=5)
    state, records = start_watch("v4", "v1", date(2026, 1, 5), WATCH), []
    for first in range(0, 90, 5):
        state = state.after(loss.where(slice(first, first + 5)))
        counted = loss.where(slice(0, first + 5))
        records.append(state.record(LINE, START + timedelta(days=220 + first), counted))
        if state.crossed_on:
            break
    return records


def _move(day: int, action: str, version: str, why: str, by: str) -> LineMove:
    return LineMove(at=START + timedelta(days=day), action=action, version=version, by=by, why=why)
