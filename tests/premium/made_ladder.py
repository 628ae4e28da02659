"""A panel whose target nothing can predict but what is planted, and columns that know it up to a day.

The target is a shock that each day brings to all stocks, and noise of each row's own.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
from numpy.random import Generator

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.decompose import decompose_models
from tasks.premium.inference.ladder import score_ladders
from tasks.premium.inference.targets import tails
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray
from tasks.schemas.ladders import Ladder
from tests.simulations.processes import knowing
from tests.simulations.tent import CUT

MARKET = 0.3
"""Correlation of two stocks on a day."""


def made_target(days: pd.Series, rng: Generator) -> FloatArray:
    """(n_rows,) of variance 1."""
    day = np.unique(days.to_numpy(), return_inverse=True)[1]
    shock = rng.normal(size=day.max() + 1)[day]
    target: FloatArray = np.sqrt(MARKET) * shock + np.sqrt(1 - MARKET) * rng.normal(size=len(day))
    return target


def known_until(target: FloatArray, ends: pd.Series, cutoff: date, r: float, rng: Generator) -> FloatArray:
    """(n_rows,) targets that end by the cutoff with R2 = r, and noise of the same variance for later ones."""
    return knowing(target, r, (ends <= pd.Timestamp(cutoff)).to_numpy(), rng)


def ladder_of(rows: Rows, cutoffs: Mapping[str, date], n_draws: int) -> Ladder:
    """What the premium stage finds of one family."""
    robust = RobustConfig(n_draws=n_draws)
    config = PremiumConfig(train_until=CUT, robust=robust, cutoffs=dict(cutoffs), ladders={"made": tuple(cutoffs)})
    found = decompose_models(rows, config, robust)
    heavy = tails(rows.target, rows.labels["date"], ~rows.is_train(CUT))
    return score_ladders(rows, config, found, heavy)["made"]
