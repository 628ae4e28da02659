"""Tables of two versions' forecasts with outcomes, and days made of differences."""

import numpy as np
import pandas as pd
from numpy.random import Generator

from tasks.live.paired import PairedDays
from tasks.sampling.arrays import FloatArray

HORIZON = 5
FIRST_DAY = "2026-01-05"


def table(n_days: int, rng: Generator, n_pairs: int = 4) -> pd.DataFrame:
    """Rows with random outcomes and probabilities."""
    days = pd.bdate_range(FIRST_DAY, periods=n_days)
    codes = [f"P{number:02}" for number in range(n_pairs)]
    rows = pd.MultiIndex.from_product([days, codes], names=["date", "code"]).to_frame(index=False)
    return rows.assign(
        label_until=rows["date"] + pd.offsets.BDay(HORIZON),
        probability=rng.random(len(rows)),
        outcome=rng.normal(size=len(rows)),
    )


def right_in(rows: pd.DataFrame, share: float, rng: Generator) -> pd.DataFrame:
    """The same rows by a version that is right in a share of them."""
    is_right = rng.random(len(rows)) < share
    return rows.assign(probability=np.where((rows["outcome"] > 0) == is_right, 0.7, 0.3))


def days_of(difference: FloatArray, bound: FloatArray | float, horizon: int = 1) -> PairedDays:
    """Days with these differences of the accuracy, and of the Brier score."""
    days = pd.bdate_range(FIRST_DAY, periods=len(difference) + horizon).to_numpy("datetime64[D]")
    half = np.full(len(difference), 0.5)
    return PairedDays(
        days=days[: len(difference)],
        label_until=days[horizon:],
        n_rows=np.full(len(difference), 51),
        own={"accuracy": half + difference / 2, "brier": half + difference / 2},
        other={"accuracy": half - difference / 2, "brier": half - difference / 2},
        bound=dict.fromkeys(("accuracy", "brier"), np.broadcast_to(bound, difference.shape)),
    )
