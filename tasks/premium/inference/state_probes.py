"""Linear probes: the day, the month and the stock of a row, read off its states on days or stocks not fitted on."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.premium.config import PremiumConfig
from tasks.premium.gram.devices import one_thread
from tasks.premium.rows import Rows
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray
from tasks.sampling.splitters.labels import number_names
from tasks.sampling.two_way import two_way_interval
from tasks.schemas.decodability import HeldOut, Measure, ProbeName, ProbeScore


def probe_states(states: NDArray[np.float32], rows: Rows, config: PremiumConfig, draws: FloatArray) -> list[ProbeScore]:
    """Score the three probes.

    The day is a number and needs days that the probe has not seen; so does the stock, for a day's other rows would
    help. Months are classes, each of which needs train rows, so that stocks are held out. Every penalty is the number
    of columns: what is right, of standardized columns, where half of a target's variance is in them.

    Args:
        states: (n_rows, width).
        rows: Their labels.
        config: Folds and seed.
        draws: (n_draws, n_rows) two-way weights: intervals are of the fitted probes as they are.
    """
    dates = rows.labels["date"]
    day = dates.to_numpy("datetime64[D]").astype(np.float64)
    month, stock = number_names(dates.dt.strftime("%Y-%m")), number_names(rows.labels["code"])
    held_days = _folds(number_names(dates), config)
    of_days = _predict(states, np.column_stack([_standard(day), _one_hot(stock)]), held_days)
    of_month = _predict(states, _one_hot(month), _folds(stock, config))
    return [
        _number("day", "days", day, of_days[:, 0] * (day.std() or 1.0) + day.mean(), draws),
        _class("month", "stocks", month, of_month, draws),
        _class("stock", "days", stock, of_days[:, 1:], draws),
    ]


def _folds(groups: IntArray, config: PremiumConfig) -> list[tuple[IntArray, IntArray]]:
    """Train and test rows of folds of whole groups, dealt at random."""
    n_folds = min(config.n_folds, len(np.unique(groups)))
    if n_folds < 2:
        return []
    folds = GroupKFold(n_folds, shuffle=True, random_state=config.seed)
    return list(folds.split(groups, groups=groups))


def _predict(
    states: NDArray[np.float32], targets: FloatArray, folds: Sequence[tuple[IntArray, IntArray]]
) -> FloatArray:
    """(n_rows, n_targets) out-of-fold predictions; NaN where there is no fold."""
    predicted = np.full(targets.shape, np.nan)
    for train, test in folds:
        probe = make_pipeline(StandardScaler(), Ridge(alpha=states.shape[1]))
        with one_thread():
            probe.fit(states[train].astype(np.float64), targets[train])
            predicted[test] = probe.predict(states[test].astype(np.float64)).reshape(len(test), -1)
    return predicted


def _one_hot(classes: IntArray) -> FloatArray:
    one_hot: FloatArray = np.eye(int(classes.max()) + 1)[classes]
    return one_hot


def _standard(numbers: FloatArray) -> FloatArray:
    standard: FloatArray = (numbers - numbers.mean()) / (numbers.std() or 1.0)
    return standard


def _number(
    name: ProbeName, held_out: HeldOut, true: FloatArray, predicted: FloatArray, draws: FloatArray
) -> ProbeScore:
    if not true.std() > 0 or np.isnan(predicted).any():
        return _none(name, held_out, "R2", len(true))
    error = np.square(true - predicted)

    def r2(weights: FloatArray) -> float:
        total = weights.sum()
        if not total > 0:
            return np.nan
        spread = weights @ np.square(true - weights @ true / total)
        return float(1 - weights @ error / spread) if spread > 0 else np.nan

    return _scored(name, held_out, "R2", r2, draws, chance=0.0, n_classes=None)


def _class(name: ProbeName, held_out: HeldOut, true: IntArray, predicted: FloatArray, draws: FloatArray) -> ProbeScore:
    sizes = np.bincount(true)
    if len(sizes) < 2 or np.isnan(predicted).any():
        return _none(name, held_out, "accuracy", len(true))
    is_right: BoolArray = predicted.argmax(axis=1) == true

    def accuracy(weights: FloatArray) -> float:
        total = weights.sum()
        return float(weights @ is_right / total) if total > 0 else np.nan

    return _scored(
        name, held_out, "accuracy", accuracy, draws, chance=float(sizes.max() / len(true)), n_classes=len(sizes)
    )


def _scored(
    name: ProbeName,
    held_out: HeldOut,
    measure: Measure,
    score: Callable[[FloatArray], float],
    draws: FloatArray,
    chance: float,
    n_classes: int | None,
) -> ProbeScore:
    point = score(np.ones(draws.shape[1]))
    return ProbeScore(
        name=name,
        measure=measure,
        held_out=held_out,
        score=point,
        interval=two_way_interval(point, np.array([score(weights) for weights in draws])),
        chance=chance,
        n_classes=n_classes,
        n_rows=draws.shape[1],
    )


def _none(name: ProbeName, held_out: HeldOut, measure: Measure, n_rows: int) -> ProbeScore:
    why = f"all rows have the same {name}, or there are no two groups of {held_out} to hold out"
    return ProbeScore(name=name, measure=measure, held_out=held_out, n_rows=n_rows, why_none=why)
