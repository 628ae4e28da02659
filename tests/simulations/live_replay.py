"""A replay of live updates on the currency panel: update, look, swap and watch, day after day.

A logistic regression stands in for the language model; gate, watch and the moves of versions are those of the flow.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from tasks.live.config import GateConfig, WatchConfig
from tasks.live.gate import level_of, weigh
from tasks.live.watch import WatchState, start_watch
from tasks.sampling.arrays import FloatArray
from tasks.sampling.clusters import cluster_half_width
from tasks.sampling.two_way import rescaled, two_way_weights
from tasks.schemas.estimates import QUANTILE_975
from tasks.store.refs import ArtifactRef
from tasks.versions.history import Action, Evidence, History, Move, empty_history
from tests.simulations.live_world import HORIZON, World, forecast

EVERY = 10
"""Days between updates: 510 outcomes."""
WINDOW = 125
"""Days that an update fits on; the penalty towards production's weights weighs as many rows as a tenth of them."""
GATE, WATCH = GateConfig(), WatchConfig()
RUN = 2 * HORIZON
"""Days that count as one observation in the intervals of policies' differences."""
N_DRAWS = 400
"""Of days, for the intervals of a curve."""


@dataclass(eq=False)
class Replay:
    """What happened on the way.

    Args:
        world: The days.
        fed: (n_days, n_pairs) signs of the outcomes that updates and the gate are fed with.
        right: By policy, (n_days,) accuracy of each day's forecasts by the version that was then in production.
        history: Of the gate's policy.
        promoted: Day of each promotion, as a position, by version.
        rolled_back: Day of each rollback, by the version that was undone.
        n_looks: At how many hold-outs the gate looked.
    """

    world: World
    fed: FloatArray
    right: dict[str, FloatArray]
    history: History = field(default_factory=lambda: empty_history("replay"))
    weights: dict[str, FloatArray] = field(default_factory=dict)
    promoted: dict[str, int] = field(default_factory=dict)
    rolled_back: dict[str, int] = field(default_factory=dict)
    n_looks: int = 0

    def move(self, action: Action, version: str, why: str) -> None:
        """One more move of the line, by the rules of `tasks.versions`."""
        previous = self.history.moves[-1].seal if self.history.moves else None
        self.history = self.history.after(
            Move(
                line="replay",
                number=len(self.history.moves) + 1,
                previous=previous,
                action=action,
                version=version,
                at=datetime(2026, 1, 1, tzinfo=UTC),
                by="replay",
                why=why,
                evidence=EVIDENCE if action == "register" else None,
            ).sealed()
        )

    def register(self, weights: FloatArray) -> str:
        """A new candidate's name."""
        name = f"v{len(self.weights) + 1}"
        self.move("register", name, "update")
        self.weights[name] = weights
        return name

    @property
    def production(self) -> str:
        """The version in production."""
        assert self.history.production is not None
        return self.history.production.name


EVIDENCE = Evidence(artifacts={"adapter": ArtifactRef(kind="train", label="replay", key="0" * 16, digest="0" * 64)})


def replay(world: World, flipped_from: int | None = None, gate: GateConfig = GATE) -> Replay:
    """Update, look, swap and watch over all days.

    Args:
        world: The days.
        flipped_from: Day from which updates and the gate are fed with flipped labels; live outcomes stay true.
        gate: Hold-out, score, margin and rate.
    """
    sign, n_days = world.sign, len(world.days)
    fed = np.where(np.arange(n_days)[:, np.newaxis] < (n_days if flipped_from is None else flipped_from), sign, -sign)
    done = Replay(world, fed, {name: np.full(n_days, np.nan) for name in ("never", "gate", "always")})
    first_look = WINDOW + gate.holdout_days + 2 * HORIZON
    never = fitted(world, fed, slice(0, WINDOW), np.zeros(world.features.shape[-1]))
    done.move("promote", done.register(never), "first version")
    always = never
    watches: list[WatchState] = []
    for now in range(first_look, n_days - EVERY, EVERY):
        held = slice(now - HORIZON - gate.holdout_days + 1, now - HORIZON + 1)
        rows = slice(max(0, held.start - HORIZON - WINDOW), held.start - HORIZON)
        always = fitted(world, fed, rows, always)
        candidate = done.register(fitted(world, fed, rows, done.weights[done.production]))
        # After a rollback somebody looks before anything is promoted again.
        is_free = not done.rolled_back and (not watches or watches[-1].is_settled)
        if is_free and _promotes(done, held, candidate, gate):
            watches.append(start_watch(candidate, done.production, world.days[now].item(), WATCH))
            done.move("promote", candidate, "gate")
            done.promoted[candidate] = now
        if watches:
            watches[-1] = _watched(done, watches[-1], now)
            if watches[-1].crossed_on:
                # The watch of the version that comes back goes on, with the days since then forecast afterwards.
                undone = watches.pop()
                done.move("roll back", undone.previous, "watch")
                done.rolled_back[undone.current] = now
        ahead = slice(now, now + EVERY)
        for name, weights in (("never", never), ("gate", done.weights[done.production]), ("always", always)):
            done.right[name][ahead] = accuracy(world, weights, ahead)
    return done


def _promotes(done: Replay, held: slice, candidate: str, gate: GateConfig) -> bool:
    done.n_looks += 1
    level = level_of(done.n_looks, len(done.promoted), gate.false_promotion_rate)
    days = done.world.compared(held, done.weights[candidate], done.weights[done.production], done.fed)
    return weigh(days, level, gate)[1]


def _watched(done: Replay, watch: WatchState, now: int) -> WatchState:
    """Count the days whose labels have ended since the last update."""
    world = done.world
    known = np.flatnonzero((world.days >= np.datetime64(watch.since)) & (world.label_until <= world.days[now]))
    new = [day for day in known if watch.last_day is None or world.days[day] > np.datetime64(watch.last_day)]
    if not new:
        return watch
    weights = (done.weights[watch.previous], done.weights[watch.current])
    return watch.after(world.compared(slice(new[0], new[-1] + 1), *weights))


def fitted(world: World, fed: FloatArray, rows: slice, start: FloatArray, n_steps: int = 2) -> FloatArray:
    """Weights of a logistic regression, drawn towards those it starts from as a short update of an adapter is.

    Args:
        world: Features.
        fed: Signs of the outcomes.
        rows: Days to fit on.
        start: (n_features,) production's weights.
        n_steps: Newton's.
    """
    columns, up = world.features[rows].reshape(-1, len(start)), (fed[rows].ravel() + 1) / 2
    penalty, weights = 0.1 * len(up) / 4, start
    for _ in range(n_steps):
        probability = forecast(weights, columns)
        gradient = columns.T @ (up - probability) - penalty * (weights - start)
        hessian = (columns * (probability * (1 - probability))[:, np.newaxis]).T @ columns
        weights = weights + np.linalg.solve(hessian + penalty * np.eye(len(start)), gradient)
    return weights


def accuracy(world: World, weights: FloatArray, rows: slice) -> FloatArray:
    """(n_days,) share of a day's pairs whose likelier direction came."""
    lean = forecast(weights, world.features[rows]) - 0.5
    right: FloatArray = ((1 + np.sign(lean) * world.sign[rows]) / 2).mean(axis=1)
    return right


def difference(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Mean difference of two policies' days, and the half-width of its 95 % interval over runs of days."""
    values = (one - other)[~np.isnan(one - other)]
    runs = np.arange(len(values)) // RUN
    mean = float(values.mean())
    half_width = cluster_half_width(values - mean, [str(run) for run in runs], len(values))
    return mean, np.nan if half_width is None else half_width


def paired_half_widths(one: FloatArray, other: FloatArray, n_days: int) -> FloatArray:
    """(n_windows,) half-widths of the 95 % intervals of two policies' mean difference over so many days.

    Draws of runs of days, the same for all windows; each interval holds for its window, not for all at once.

    Args:
        one: (n,) accuracy by day.
        other: (n,) of the same days.
        n_days: Days of a window.
    """
    values = one - other
    labels = pd.DataFrame({"code": 0, "date": np.arange(len(values)).astype("datetime64[D]")})
    weights = two_way_weights(labels, N_DRAWS, np.random.default_rng(0), RUN)

    def sums(daily: FloatArray) -> FloatArray:
        total = np.pad(daily.cumsum(axis=-1), ((0, 0), (1, 0)))
        return total[:, n_days:] - total[:, :-n_days]

    with np.errstate(invalid="ignore"):
        draws = rescaled(sums(weights * values) / sums(weights), sums(values[np.newaxis])[0] / n_days)
    half_widths: FloatArray = QUANTILE_975 * np.nanstd(draws, axis=0, ddof=1)
    return half_widths
