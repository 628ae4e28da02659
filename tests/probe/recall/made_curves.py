"""Made curves over days, whose change is known."""

import numpy as np

FIRST = 15_000
"""2011-01-26."""
N_DAYS = 3_650
CHANGE = FIRST + 2_200
YEAR = 365


def made(n: int, seed: int, step: float = 0.0, bend: float = 0.0, spread: str = "even") -> tuple:
    """Days, bits per byte with a drift, and the generator; step in standard deviations, bend in those by decade."""
    rng = np.random.default_rng([seed, n])
    days = np.sort(rng.integers(FIRST, FIRST + N_DAYS, n))
    size = {"even": 1.0, "doubles": np.where(days > FIRST + N_DAYS / 2, 1.5, 0.75)}[spread]
    after = np.clip(days - CHANGE, 0, None)
    values = 3 - 0.3 * (days - FIRST) / N_DAYS + 0.15 * (step * (after > 0) + bend * after / N_DAYS)
    return days, values + 0.15 * size * rng.normal(size=n), rng


def sections(seed: int, step: float, n_days: int = 43, shared: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Days and bits per byte of 1 to 20 sections of each year's address, with a drift.

    Args:
        seed: Of the draws.
        step: After half of the days, in standard deviations of a section.
        n_days: Days, a year apart.
        shared: Standard deviation of what the sections of a day have in common, in those of a section beside it.
    """
    rng = np.random.default_rng([seed, 10])
    day_of = np.repeat(np.arange(n_days), rng.integers(1, 21, n_days))
    common, own = shared * rng.normal(size=n_days)[day_of], rng.normal(size=len(day_of))
    return YEAR * day_of, 2.0 * day_of / n_days + step * (day_of >= n_days // 2) + common + own
