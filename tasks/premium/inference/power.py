"""Power: the reduction a panel could detect, computed before any model exists."""

from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np

from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.rows import FloatArray, beside
from tasks.schemas.scores import PERCENTILES, Power

QUANTILE_975 = round(NormalDist().inv_cdf(PERCENTILES[2] / 100), 2)
QUANTILE_80 = 0.8416
"""Of the standard normal: two-sided 5 %, and 80 % power."""
MIN_KEPT_DRAWS = 20
"""With fewer, the 2.5 % percentile is the smallest draw."""


def expected_power(
    target: FloatArray,
    numeric: FloatArray,
    n_columns: int,
    schemes: Sequence[Scheme],
    weights: FloatArray,
    alpha: float,
    seed: int,
) -> Power:
    """Expected half-width of the reduction's interval, and the smallest reduction that would be detected.

    Two independent sets of noise columns take the place of the states of base and trained. Real states come from the
    same sentences and almost the same weights, so they correlate and their difference varies less: the half-width is
    conservative. It is not a bound: columns that do explain the target vary more than noise.

    Args:
        target: (n_rows,) returns.
        numeric: (n_rows, n_numeric) the panel's features, beside either set.
        n_columns: Hidden width of the base model.
        schemes: `on` and `off`; others are ignored.
        weights: (n_draws, n_rows) two-way draws.
        alpha: Penalty, as for the models.
        seed: Seed of the noise.

    Returns:
        Figures over the draws in which both premiums are defined; `n_draws` counts these.

    Raises:
        TooFewDraws: If fewer than MIN_KEPT_DRAWS are.
    """
    on_and_off = [scheme for name in ("on", "off") for scheme in schemes if scheme.name == name]
    premiums = []
    for columns in _noise_sets(numeric, n_columns, seed):
        on, off = score(columns, target, on_and_off, weights, alpha).r2[:, 0].T
        premiums.append(on - off)
    differences = premiums[0] - premiums[1]
    kept = differences[np.isfinite(differences)]
    if len(kept) < MIN_KEPT_DRAWS:
        raise TooFewDraws(
            f"{len(kept)} of {len(weights)} draws of noise columns have a premium, the expected half-width needs "
            f"{MIN_KEPT_DRAWS}; raise panel.n_stocks, panel.dates_per_stock or premium.robust.n_power_draws."
        )
    low, _, high = np.percentile(kept, PERCENTILES).tolist()
    return power_of((high - low) / 2, n_columns, len(kept))


def power_of(half_width: float, n_columns: int, n_draws: int) -> Power:
    """Smallest effect that a two-sided 5 % test finds with 80 % power, for a nearly normal estimate.

    Examples:
        >>> round(power_of(half_width=0.196, n_columns=64, n_draws=50).smallest_detectable, 3)
        0.28
    """
    standard_error = half_width / QUANTILE_975
    return Power(
        half_width=half_width,
        smallest_detectable=(QUANTILE_975 + QUANTILE_80) * standard_error,
        n_columns=n_columns,
        n_draws=n_draws,
    )


def _noise_sets(numeric: FloatArray, n_columns: int, seed: int) -> Iterator[FloatArray]:
    # One at a time: at 30,000 rows x 2,048 columns a set takes 0.5 GB.
    for generator in np.random.default_rng(seed).spawn(2):
        yield beside(generator.standard_normal((len(numeric), n_columns)), numeric)
