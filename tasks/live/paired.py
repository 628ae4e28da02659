"""Two versions' scores on the same rows, by day, with the most that a day's difference can be."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.evaluate.scores import EVEN
from tasks.live.errors import BadDays, BadForecasts, TooFewDays, UnpairedRows
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray
from tasks.schemas.live import FORECAST_COLUMNS, FORECAST_KEYS, SCORES, ScoreName


@dataclass(frozen=True, eq=False)
class PairedDays:
    """Days on which two versions forecast the same rows.

    Args:
        days: (n_days,) datetime64[D], ascending.
        label_until: (n_days,) datetime64[D], the last day that one of the day's labels uses.
        n_rows: (n_days,).
        own: By score, (n_days,) mean of the first version.
        other: By score, (n_days,) mean of the second version.
        bound: By score, (n_days,) the most that own - other can be either way. It follows from the two forecasts
            alone, before any outcome: versions that agree on a row cannot differ on it.
    """

    days: np.ndarray
    label_until: np.ndarray
    n_rows: IntArray
    own: dict[ScoreName, FloatArray]
    other: dict[ScoreName, FloatArray]
    bound: dict[ScoreName, FloatArray]

    def __len__(self) -> int:
        """Number of days."""
        return len(self.days)

    def difference(self, score: ScoreName) -> FloatArray:
        """(n_days,) own - other."""
        difference: FloatArray = self.own[score] - self.other[score]
        return difference

    def swapped(self) -> "PairedDays":
        """The same days with the versions in the other order."""
        return PairedDays(self.days, self.label_until, self.n_rows, self.other, self.own, self.bound)

    def where(self, kept: BoolArray | slice) -> "PairedDays":
        """Some of the days."""
        chosen = [{name: values[kept] for name, values in own.items()} for own in (self.own, self.other, self.bound)]
        return PairedDays(self.days[kept], self.label_until[kept], self.n_rows[kept], *chosen)

    def newest(self, n_days: int) -> "PairedDays":
        """The last days. Raises TooFewDays if there are fewer."""
        if len(self) < n_days:
            raise TooFewDays(
                f"{len(self)} days have outcomes of both versions, and the hold-out has holdout_days={n_days}; wait "
                "for more outcomes, or make it shorter."
            )
        return self.where(slice(len(self) - n_days, len(self)))


def paired_days(own: pd.DataFrame, other: pd.DataFrame) -> PairedDays:
    """Pair two versions' forecasts row by row and average them by day.

    Args:
        own: A row per pair and day: code, date, label_until, probability of a rise, outcome (the return up to
            label_until; zero counts as half a rise).
        other: The same rows by the other version.

    Raises:
        BadForecasts: If a column is missing, a row is repeated, or a value is no probability, day or return.
        UnpairedRows: If the rows differ, or their outcomes or label days.
    """
    first, second = (_checked(name, table) for name, table in (("first", own), ("second", other)))
    _check_same_rows(first, second)
    sign = np.sign(first["outcome"].to_numpy(np.float64))
    probability = np.stack([table["probability"].to_numpy(np.float64) for table in (first, second)])
    days, day_of_row = np.unique(first["date"].to_numpy("datetime64[D]"), return_inverse=True)
    n_rows = np.bincount(day_of_row)
    label_until = np.full(len(days), np.datetime64("1000-01-01"), dtype="datetime64[D]")
    np.maximum.at(label_until, day_of_row, first["label_until"].to_numpy("datetime64[D]"))

    def by_day(values: FloatArray) -> FloatArray:
        means: FloatArray = np.bincount(day_of_row, weights=values) / n_rows
        return means

    scores = {name: (score_of(name, probability, sign), largest_difference(name, probability)) for name in SCORES}
    return PairedDays(
        days=days,
        label_until=label_until,
        n_rows=n_rows,
        own={name: by_day(values[0]) for name, (values, _) in scores.items()},
        other={name: by_day(values[1]) for name, (values, _) in scores.items()},
        bound={name: by_day(largest) for name, (_, largest) in scores.items()},
    )


def check_new_days(days: PairedDays, after: np.datetime64) -> None:
    """Raise BadDays unless all days come after a day."""
    if len(days) and not days.days[0] > after:
        raise BadDays(
            f"day {days.days[0]} is given as new, and {after} has been counted; give later days only, or count all "
            "days again if outcomes came late or were corrected."
        )


def score_of(name: ScoreName, probability: FloatArray, sign: FloatArray) -> FloatArray:
    """(...,) scores, more is better.

    Args:
        name: Which.
        probability: (...,) of a rise.
        sign: (...,) of the outcome; zero is half a rise.
    """
    if name == "accuracy":
        right: FloatArray = (1 + _direction(probability) * sign) / 2
        return right
    one_less: FloatArray = 1 - (probability - (1 + sign) / 2) ** 2
    return one_less


def largest_difference(name: ScoreName, probability: FloatArray) -> FloatArray:
    """(...,) the largest difference of two versions' scores over all outcomes, from probabilities (2, ...)."""
    ends = [score_of(name, probability, np.full(probability.shape[1:], sign)) for sign in (-1.0, 1.0)]
    largest: FloatArray = np.max([np.abs(own[0] - own[1]) for own in ends], axis=0)
    return largest


def _direction(probability: FloatArray) -> FloatArray:
    lean = probability - 0.5
    return np.where(np.abs(lean) <= EVEN, 0.0, np.sign(lean))


def _checked(which: str, table: pd.DataFrame) -> pd.DataFrame:
    """Sorted rows. Raises BadForecasts."""
    if missing := [name for name in FORECAST_COLUMNS if name not in table]:
        raise BadForecasts(f"the {which} version's forecasts lack the column {missing[0]!r}; they have {[*table]}.")
    if not len(table):
        raise BadForecasts(f"the {which} version has no forecasts with outcomes; wait for some.")
    probability, outcome = (table[name].to_numpy(np.float64) for name in ("probability", "outcome"))
    wrong = {
        "probability": ~((probability >= 0) & (probability <= 1)),
        "outcome": ~np.isfinite(outcome),
        "label_until": ~(table["label_until"].to_numpy() > table["date"].to_numpy()),
    }
    for name, is_wrong in wrong.items():
        if is_wrong.any():
            row = table[is_wrong].iloc[0]
            raise BadForecasts(
                f"{row['code']} on {row['date']:%Y-%m-%d} has {name} = {row[name]} in the {which} version's forecasts, "
                f"and {is_wrong.sum()} rows in all; a probability lies in 0 to 1, an outcome is finite, and a label "
                "ends after its day. Leave out rows whose outcome is not known yet."
            )
    keys = [*FORECAST_KEYS]
    if (twice := table.duplicated(keys)).any():
        row = table[twice].iloc[0]
        raise BadForecasts(
            f"{row['code']} on {row['date']:%Y-%m-%d} is there twice in the {which} version's forecasts, and "
            f"{twice.sum()} rows in all are; keep one forecast of each."
        )
    return table.sort_values(keys[::-1], kind="stable").reset_index(drop=True)


def _check_same_rows(first: pd.DataFrame, second: pd.DataFrame) -> None:
    one, other = (pd.MultiIndex.from_frame(table[[*FORECAST_KEYS]]) for table in (first, second))
    for which, lone in (("first", one.difference(other)), ("second", other.difference(one))):
        if len(lone):
            code, day = lone[0]
            raise UnpairedRows(
                f"{code} on {day:%Y-%m-%d} is forecast by the {which} version alone, and {len(lone)} rows in all; "
                "compare versions on the rows that both forecast, and count those left out."
            )
    for name in ("outcome", "label_until"):
        differs = first[name].to_numpy() != second[name].to_numpy()
        if differs.any():
            row = first[differs].iloc[0]
            raise UnpairedRows(
                f"{row['code']} on {row['date']:%Y-%m-%d} has another {name} for the first version than for the "
                f"second, and {differs.sum()} rows in all; read both from one table of outcomes."
            )
