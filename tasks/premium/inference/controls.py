"""Controls: columns whose knowledge of the future is known by construction, scored like the models' states.

The table 'What the premium is made of' of the project's facts puts the numeric features beside every control and takes
as its date-disjoint CV the mean over five consecutive blocks of days, unpurged. Computed so, golden p1 gives its rows
'numerics only' and 'one-hot date' to three digits (tests/premium/inference/test_controls.py).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from tasks.premium.inference.evaluate import UNDEFINED, Scheme, score
from tasks.premium.rows import FloatArray, Rows, beside
from tasks.schemas.scores import Control

MAX_DATES = 3_000
"""Twelve years of trading days. At 30,000 rows, one column per day then takes 0.7 GB."""


def score_controls(rows: Rows, schemes: Sequence[Scheme], alpha: float, seed: int) -> list[Control]:
    """Score every control, beside the numeric features, on the models' own splits.

    Args:
        rows: The panel with the models' states; controls are made from the first model's, which is base in a run.
        schemes: `on`, `off`, `date_disjoint` and `disjoint`; without one of them its figure is None.
        alpha: Penalty, as for the models.
        seed: Seed of the permutation and of the noise, each with a stream of its own.

    Returns:
        All five controls; one that cannot be made, or has a figure that is not defined, names the reason.
    """
    controls = []
    for stream, (name, what, make) in enumerate(_CONTROLS):
        columns = make(rows, np.random.default_rng([seed, stream]))
        if isinstance(columns, str):
            r2, why_none, n_columns = {}, columns, 0
        else:
            scores = score(columns, rows.target, schemes, alpha=alpha).r2[0, 0].tolist()
            r2 = {scheme.name: value for scheme, value in zip(schemes, scores, strict=True) if np.isfinite(value)}
            undefined = ", ".join(scheme.name for scheme in schemes if scheme.name not in r2)
            why_none, n_columns = f"no R2 under {undefined}: {UNDEFINED}." if undefined else "", columns.shape[1]
        controls.append(_control(name, what.format(model=rows.first_model), n_columns, r2, why_none))
    return controls


def _control(name: str, what: str, n_columns: int, r2: dict[str, float], why_none: str) -> Control:
    on, off, disjoint = r2.get("on"), r2.get("off"), r2.get("disjoint")
    return Control(
        name=name,
        what=what,
        n_columns=n_columns,
        on=on,
        off=off,
        date_disjoint=r2.get("date_disjoint"),
        disjoint=disjoint,
        premium=None if on is None or off is None else on - off,
        shared_day_effect=None if on is None or disjoint is None else on - disjoint,
        why_none=why_none,
    )


def one_hot_dates(rows: Rows) -> FloatArray | str:
    """One column per distinct day: it knows which rows share a day, and nothing else.

    Returns:
        (n_rows, n_dates), or the reason why not where there are more than MAX_DATES.
    """
    day_of, days = rows.labels["date"].factorize(sort=True)
    if len(days) > MAX_DATES:
        return f"{len(days):,} distinct days would be as many columns, the bound is {MAX_DATES:,}; shorten the panel."
    columns = np.zeros((len(day_of), len(days)))
    columns[np.arange(len(day_of)), day_of] = 1.0
    return columns


def _one_hot_date(rows: Rows, _: Generator) -> FloatArray | str:
    dates = one_hot_dates(rows)
    return dates if isinstance(dates, str) else beside(dates, rows.numeric)


def _undated_prompt(rows: Rows, _: Generator) -> FloatArray | str:
    if rows.first_model not in rows.undated:
        return rows.why_not_undated
    return beside(rows.undated[rows.first_model], rows.numeric)


def _shuffled_rows(rows: Rows, rng: Generator) -> FloatArray | str:
    states = rows.states[rows.first_model]
    return beside(states[rng.permutation(len(states))], rows.numeric)


def _noise(rows: Rows, rng: Generator) -> FloatArray | str:
    states = rows.states[rows.first_model]
    # Scaled column by column: the penalty is unscaled, so a column counts by its spread.
    return beside(rng.standard_normal(states.shape) * states.std(axis=0, dtype=np.float64), rows.numeric)


_CONTROLS: tuple[tuple[str, str, Callable[[Rows, Generator], FloatArray | str]], ...] = (
    ("numerics_only", "the panel's numeric features alone", lambda rows, _: rows.numeric),
    ("one_hot_date", "one column per day: which rows share a day, and nothing else", _one_hot_date),
    ("undated_prompt", "the {model} model's states of the sentences without their day", _undated_prompt),
    ("shuffled_rows", "the {model} model's states, dealt to other rows", _shuffled_rows),
    ("noise", "as many Gaussian columns as states, each with a state's standard deviation", _noise),
)
"""Name, one clause for the report, and a function that gives (n_rows, n_columns) or the reason why not."""
