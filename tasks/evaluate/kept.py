"""Which trades a certainty threshold keeps. It is chosen on tuning rows; hold-out rows only count what it keeps."""

from dataclasses import dataclass

import numpy as np

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.forecasts import Forecast
from tasks.sampling.arrays import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Selection:
    """A threshold and what it keeps.

    Args:
        asked_share: Share of the tuning rows it was chosen to keep; None where the certainty was given.
        certainty: The threshold.
        is_kept: (n_test,) of the hold-out.
    """

    asked_share: float | None
    certainty: float
    is_kept: BoolArray


def certainty_of(probability: FloatArray) -> FloatArray:
    """(n,) the larger probability of the two directions."""
    return np.maximum(probability, 1 - probability)


def select(forecast: Forecast, config: EvaluateConfig) -> tuple[list[Selection], list[Selection]]:
    """Thresholds by share, then thresholds by certainty.

    Args:
        forecast: Without tuning rows, as of a model brought along, no threshold can be chosen by share.
        config: Shares and certainties.
    """
    certainty, tuning = certainty_of(forecast.probability), certainty_of(forecast.tuning)
    shares = config.kept_shares if len(tuning) else ()
    chosen = {share: float(np.quantile(tuning, 1 - share, method="higher")) for share in shares}
    # All trades: the hold-out may be less certain than every tuning row.
    by_share = [(share, 0.5 if share == 1 else threshold) for share, threshold in chosen.items()]
    given = [(None, threshold) for threshold in config.certainties]
    first, second = (
        [Selection(share, threshold, certainty >= threshold) for share, threshold in thresholds]
        for thresholds in (by_share, given)
    )
    return first, second
