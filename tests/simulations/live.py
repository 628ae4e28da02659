"""Years of live updates in seconds: the gate and the watch on the currency panel, `make simulate-live`.

A logistic regression stands in for the language model. Every ten days, which are 510 outcomes, it is updated, and the
gate of the real flow looks at the newest hold-out; after a swap its watch counts live outcomes. Beside it: a policy
that never updates, and one that always does.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.random import Generator

from tasks.common.settings import project_root
from tasks.live.bets import all_bets
from tasks.live.gate import level_of
from tasks.live.power import Detection, days_to_detect, smallest_detectable
from tasks.live.watch import start_watch
from tests.simulations.live_replay import (
    EVERY,
    GATE,
    WATCH,
    WINDOW,
    Replay,
    accuracy,
    difference,
    fitted,
    paired_half_widths,
    replay,
)
from tests.simulations.live_world import HORIZON, make_world
from tests.simulations.tent import BLUE, GREY, INK, STYLE

CORRELATION = 0.5
"""Of the planted feature with the coming return: its sign is right in two thirds of the rows."""
PLANTED_ON = 800
"""Day of the drift, and of the first flipped label."""
N_DAYS = 2_000
"""Of a world with drift or poison."""
LEARNED = GATE.holdout_days + WINDOW + 2 * HORIZON + EVERY
"""Days after a planted change until hold-out and window of an update lie wholly behind it."""


def noise(rng: Generator) -> Replay:
    """500 updates and more where nothing can be forecast."""
    return replay(make_world(rng, n_days=500 * EVERY + WINDOW + GATE.holdout_days + 3 * HORIZON + EVERY))


def drift(rng: Generator) -> Replay:
    """A feature that carries the return turns its sign."""
    return replay(make_world(rng, CORRELATION, turns_on=PLANTED_ON, n_days=N_DAYS))


def poison(rng: Generator) -> Replay:
    """Updates and the gate are fed with flipped labels from a day on; live outcomes are true."""
    return replay(make_world(rng, CORRELATION, n_days=N_DAYS), flipped_from=PLANTED_ON)


SCENARIOS: Mapping[str, Callable[[Generator], Replay]] = {"noise": noise, "drift": drift, "poison": poison}


def detectable_at_the_look(done: Replay, now: int) -> tuple[float, float]:
    """Smallest detectable and true difference of an update made from the days behind the drift alone."""
    held = slice(now - HORIZON - GATE.holdout_days + 1, now - HORIZON + 1)
    rows = slice(held.start - HORIZON - WINDOW, held.start - HORIZON)
    candidate = fitted(done.world, done.fed, rows, done.weights["v1"])
    bets = all_bets(done.world.compared(held, candidate, done.weights["v1"], done.fed), GATE.score)[0]
    ahead = slice(PLANTED_ON, N_DAYS)
    gain = accuracy(done.world, candidate, ahead) - accuracy(done.world, done.weights["v1"], ahead)
    level = level_of(done.n_looks, 0, GATE.false_promotion_rate)
    return smallest_detectable(bets, GATE.margin, level) or np.nan, float(gain.mean())


def predicted_rollback(done: Replay, version: str) -> Detection | None:
    """What the watch needs to find a swap's loss, predicted from the true outcomes of the days before it."""
    previous = done.history.version(version).replaces
    assert previous is not None
    weights = (done.weights[previous], done.weights[version])
    before = done.world.compared(slice(0, done.promoted[version] - HORIZON), *weights)
    bets, n_pairs = all_bets(before, WATCH.score)[0], done.world.sign.shape[1]
    loss = float(before.difference(WATCH.score).mean())
    level = WATCH.false_rollback_rate / WATCH.horizon_days
    return days_to_detect(loss, bets, WATCH.margin, level, HORIZON, n_pairs)


def is_falsely_undone(rng: Generator, n_days: int = 2_000) -> bool:
    """Whether a swap of two versions without skill is ever undone by its watch."""
    world = make_world(rng, n_days=2 * WINDOW + n_days)
    fits = [fitted(world, world.sign, slice(start, start + WINDOW), np.zeros(3)) for start in (0, WINDOW)]
    live = slice(2 * WINDOW, 2 * WINDOW + n_days)
    watch = start_watch("v2", "v1", world.days[live.start].item(), WATCH)
    return watch.after(world.compared(live, *fits)).crossed_on is not None


def summary(name: str, done: Replay) -> str:
    """What one replay did, as a line of text."""
    gain, loss = (
        difference(done.right["gate"], done.right["never"]),
        difference(done.right["always"], done.right["gate"]),
    )
    accuracies = ", ".join(f"{policy} {np.nanmean(right):.3f}" for policy, right in done.right.items())
    return (
        f"{name}: {done.n_looks} looks, promoted {done.promoted}, rolled back {done.rolled_back}; "
        f"{accuracies}; gate - never {gain[0]:+.3f} -/+ {gain[1]:.3f}, always - gate {loss[0]:+.3f} -/+ {loss[1]:.3f}"
    )


SMOOTH = 125
"""Days of a point of the curves."""
COLOURS = {"never": GREY, "always": "#d55e00", "gate": BLUE}
PICTURE = project_root() / "docs" / "pictures" / "live.png"


def draw(replays: Mapping[str, Replay]) -> None:
    """Draw each policy's accuracy over half a year of days, the interval of its difference, swaps and rollbacks."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.8, 6.4), layout="constrained", dpi=160)
        for axes, (name, done) in zip(figure.subplots(len(replays)), replays.items(), strict=True):
            _curves(axes, name, done)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(PICTURE, metadata={"Software": None})


def _curves(axes: Axes, name: str, done: Replay) -> None:
    days = done.world.days
    for policy, colour in COLOURS.items():
        right, never = done.right[policy], done.right["never"]
        shown = ~np.isnan(right)
        smooth, at = np.convolve(right[shown], np.ones(SMOOTH) / SMOOTH, mode="valid"), days[shown][SMOOTH - 1 :]
        # Where the gate never promotes, its line would hide that of `never`.
        axes.plot(at, smooth, color=colour, linewidth=3.5 if policy == "never" else 1.4, label=policy)
        if policy != "never":
            half_widths = paired_half_widths(right[shown], never[shown], SMOOTH)
            axes.fill_between(at, smooth - half_widths, smooth + half_widths, color=colour, alpha=0.2, linewidth=0)
    for moved, style in ((done.promoted.values(), "-"), (done.rolled_back.values(), ":")):
        for day in moved:
            axes.axvline(days[day], color=INK, linewidth=0.9, linestyle=style, zorder=0)
    if name != "noise":
        axes.axvline(days[PLANTED_ON], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    axes.set_ylabel(f"accuracy, {SMOOTH} days")
    axes.set_title(name, loc="left", fontsize=9, color=INK)


def main() -> None:
    """Print a replay of each scenario, draw them, and print the rates over many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=20, help="replays per rate")
    n = parser.parse_args().n
    first = {name: scenario(np.random.default_rng(0)) for name, scenario in SCENARIOS.items()}
    draw(first)
    for name, done in first.items():
        print(summary(name, done), flush=True)
    print(summary("prices as they were", replay(make_world(None))), flush=True)
    undone = [is_falsely_undone(np.random.default_rng([2, seed])) for seed in range(5 * n)]
    print(f"swaps without loss undone: {np.mean(undone):.3f} of {len(undone)}", flush=True)
    for name, scenario in SCENARIOS.items():
        found = [scenario(np.random.default_rng([1, seed])) for seed in range(n)]
        print(f"{name}: promoted in {sum(bool(own.promoted) for own in found)} of {n}", flush=True)
        if name == "drift":
            in_time = [is_in_time(own) for own in found]
            print(f"  within {LEARNED} days: {np.mean(in_time):.2f}; days: {_quantiles(days_to_promotion(found))}")
            print("  detectable and true difference:", detectable_at_the_look(found[0], PLANTED_ON + LEARNED))
        if name == "poison":
            undone = [rollbacks(own) for own in found]
            print(f"  back at a version from before: {np.mean([is_from_before(own) for own in found]):.2f}")
            print(f"  swaps undone: {[pair for own in undone for pair in own]}", flush=True)


def is_in_time(done: Replay) -> bool:
    """Whether the drift was followed by the time that hold-out and window lay behind it."""
    return bool(done.promoted) and min(done.promoted.values()) <= PLANTED_ON + LEARNED


def is_from_before(done: Replay) -> bool:
    """Whether the version in production at the end was promoted before the planted change."""
    return done.promoted.get(done.production, 0) < PLANTED_ON


def days_to_promotion(replays: Sequence[Replay]) -> list[int]:
    """Days from the drift to the first promotion, of those that had one."""
    return [min(own.promoted.values()) - PLANTED_ON for own in replays if own.promoted]


def rollbacks(done: Replay) -> list[tuple[int, int | None]]:
    """Days to each rollback, and days within which four of five were predicted to come."""
    found = []
    for version, day in done.rolled_back.items():
        predicted = predicted_rollback(done, version)
        found.append((day - done.promoted[version], predicted and predicted.n_days + HORIZON + EVERY))
    return found


def _quantiles(days: Sequence[int]) -> str:
    return ", ".join(f"{value:.0f}" for value in np.quantile(days, (0.1, 0.5, 0.9))) if days else "none"


if __name__ == "__main__":
    main()
