"""Columns of which it is known what they can know, scored as the models' are.

The table 'What the premium is made of' in the project's facts has the numeric features beside every control's columns
and the mean over five consecutive blocks of days, unpurged, as its date-disjoint CV. So read, golden p1 gives its rows
'numerics only' and 'one-hot date' to all three digits (tests/premium/inference/test_controls.py).
Its noise row fits 384 columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.rows import FloatArray, Rows, beside
from tasks.schemas.scores import Control

MAX_DATES = 3_000
"""Twelve years of trading days. At 30,000 rows, one column per day is then 0.7 GB."""


@dataclass(frozen=True)
class _Kind:
    name: str
    what: str
    make: Callable[[Rows, Generator], FloatArray | str]
    """(n_rows, n_columns), or why there are none."""


def score_controls(rows: Rows, schemes: Sequence[Scheme], alpha: float, seed: int) -> list[Control]:
    """Score every control on the models' own splits; the numeric features stand beside each.

    Args:
        rows: The panel with the base model's states.
        schemes: `on`, `off`, `date_disjoint` and `disjoint`; a scheme that is missing leaves its figure out.
        alpha: Penalty, as for the models.
        seed: Source of the permutation and of the noise, each from a stream of its own.

    Returns:
        One per kind, always all five: a control or a figure that is not defined here says why.
    """
    return [
        _control(kind, kind.make(rows, np.random.default_rng([seed, stream])), rows.target, schemes, alpha)
        for stream, kind in enumerate(_KINDS)
    ]


def one_hot_dates(rows: Rows) -> FloatArray | str:
    """One column per distinct day: it knows which rows share a day, and nothing else.

    Returns:
        (n_rows, n_dates), or a sentence where there are more than MAX_DATES.
    """
    day_of, days = rows.labels["date"].factorize(sort=True)
    if len(days) > MAX_DATES:
        return f"{len(days):,} distinct days would be as many columns, the bound is {MAX_DATES:,}; shorten the panel."
    columns = np.zeros((len(day_of), len(days)))
    columns[np.arange(len(day_of)), day_of] = 1.0
    return columns


def _control(
    kind: _Kind, columns: FloatArray | str, target: FloatArray, schemes: Sequence[Scheme], alpha: float
) -> Control:
    if isinstance(columns, str):
        return Control(name=kind.name, what=kind.what, n_columns=0, **_figures({}), why_none=columns)
    scores = score(columns, target, schemes, alpha=alpha)[0].tolist()
    r2 = {scheme.name: value for scheme, value in zip(schemes, scores, strict=True)}
    undefined = [name for name, value in r2.items() if not np.isfinite(value)]
    why = "a fold has no train row, no test row, or a test target that does not vary"
    defined = {name: value for name, value in r2.items() if name not in undefined}
    return Control(
        name=kind.name,
        what=kind.what,
        n_columns=columns.shape[1],
        **_figures(defined),
        why_none=f"no R2 under {', '.join(undefined)}: {why}." if undefined else "",
    )


def _figures(r2: dict[str, float]) -> dict[str, float | None]:
    on, off, date_disjoint, disjoint = (r2.get(name) for name in ("on", "off", "date_disjoint", "disjoint"))
    return {
        "on": on,
        "off": off,
        "date_disjoint": date_disjoint,
        "disjoint": disjoint,
        "premium": None if on is None or off is None else on - off,
        "shared_day_effect": None if on is None or disjoint is None else on - disjoint,
    }


def _one_hot_date(rows: Rows, _: Generator) -> FloatArray | str:
    dates = one_hot_dates(rows)
    return dates if isinstance(dates, str) else beside(dates, rows.numeric)


def _undated_prompt(rows: Rows, _: Generator) -> FloatArray | str:
    if "base" not in rows.undated:
        return "the sentences without their day were not embedded; set embed.undated."
    return beside(rows.undated["base"], rows.numeric)


def _shuffled_rows(rows: Rows, rng: Generator) -> FloatArray | str:
    states = rows.states["base"]
    return beside(states[rng.permutation(len(states))], rows.numeric)


def _noise(rows: Rows, rng: Generator) -> FloatArray | str:
    states = rows.states["base"]
    # Column by column: the penalty is unscaled, so a column counts by its spread.
    return beside(rng.standard_normal(states.shape) * states.std(axis=0, dtype=np.float64), rows.numeric)


_KINDS = (
    _Kind("numerics_only", "the panel's numeric features alone", lambda rows, _: rows.numeric),
    _Kind("one_hot_date", "one column per day: which rows share a day, and nothing else", _one_hot_date),
    _Kind("undated_prompt", "the base model's states of the sentences without their day", _undated_prompt),
    _Kind("shuffled_rows", "the base model's states, dealt to other rows", _shuffled_rows),
    _Kind("noise", "as many Gaussian columns as states, each with a state's standard deviation", _noise),
)
