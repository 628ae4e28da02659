"""Controls: columns whose knowledge of the future is known by construction, scored like the models' states.

The table 'What the premium is made of' of the project's facts puts the numeric features beside every control and takes
as its date-disjoint CV the mean over five consecutive blocks of days, unpurged. Computed so, golden p1 gives its rows
'numerics only' and 'one-hot date' to three digits (tests/premium/inference/test_controls.py).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from tasks.premium.inference.evaluate import UNDEFINED, Scheme, score
from tasks.premium.inference.inner_cv import choose_penalty
from tasks.premium.rows import Rows, beside
from tasks.sampling.arrays import FloatArray
from tasks.schemas.estimates import FITS
from tasks.schemas.scores import Control, ControlFigures

MAX_DATES = 3_000
"""Twelve years of trading days. At 30,000 rows, one column per day then takes 0.7 GB."""


def score_controls(
    rows: Rows, targets: FloatArray, schemes: Sequence[Scheme], alpha: float, alphas: Sequence[float], seed: int
) -> list[Control]:
    """Score every control, beside the numeric features, on the models' own splits and by their own fits.

    Args:
        rows: The panel with the models' states; controls are made from the first model's, which is base in a run.
        targets: (n_rows, n_targets) as for the models.
        schemes: Splits of the rows, `off` among them; a figure whose scheme is not is None.
        alpha: Penalty of the unscaled columns.
        alphas: Penalties to choose among for the standardized ones.
        seed: Seed of the permutation and of the noise, each with a stream of its own.

    Returns:
        All five controls; one that cannot be made, or has a figure that is not defined, names the reason.
    """
    controls = []
    off = next(scheme for scheme in schemes if scheme.name == "off")
    for stream, (name, what, make) in enumerate(_CONTROLS):
        columns = make(rows, np.random.default_rng([seed, stream]))
        what = what.format(model=rows.first_model)
        if isinstance(columns, str):
            controls.append(Control(name=name, what=what, n_columns=0, why_none=columns))
            continue
        penalty = choose_penalty(columns, rows, off, alphas)
        found = score(columns, targets, schemes, alpha=alpha, penalty=penalty).r2[0]
        undefined = [scheme.name for scheme, own in zip(schemes, found.T, strict=True) if not np.isfinite(own).all()]
        controls.append(
            Control(
                name=name,
                what=what,
                n_columns=columns.shape[1],
                fits={fit: _figures(schemes, own) for fit, own in zip(FITS, found.tolist(), strict=True)},
                why_none=f"no R2 under {', '.join(undefined)}: {UNDEFINED}." if undefined else "",
            )
        )
    return controls


def _figures(schemes: Sequence[Scheme], found: Sequence[float]) -> ControlFigures:
    r2 = {scheme.name: value for scheme, value in zip(schemes, found, strict=True) if np.isfinite(value)}

    def less(one: str, other: str) -> float | None:
        return r2[one] - r2[other] if one in r2 and other in r2 else None

    return ControlFigures(
        **r2,
        premium=less("on", "off"),
        date_disjoint_premium=less("date_disjoint", "off"),
        shared_day_effect=less("matched", "disjoint"),
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
