"""Panels to evaluate: real pairs on a window of days, and pairs made of random walks."""

from datetime import date, timedelta
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.rows import DirectionRows, direction_rows
from tasks.panel.build import build_panel
from tasks.panel.config import EcbFxSource, PanelConfig

HORIZON, N_DAYS = 5, 200


def window(last_day: date) -> PanelConfig:
    """The 51 pairs on the last 200 days up to one."""
    return PanelConfig(
        source=EcbFxSource(),
        n_stocks=51,
        dates_per_stock=N_DAYS,
        horizon=HORIZON,
        n_last_days=N_DAYS,
        last_day=last_day,
        test_from=last_day - timedelta(days=30),
    )


@cache
def real_rows(last_day: date) -> DirectionRows:
    return direction_rows(build_panel(window(last_day)).rows, EvaluateConfig())


def made_panel(n_days: int = 60, n_currencies: int = 6, seed: int = 0, shared: float = 0.0) -> pd.DataFrame:
    """Pairs of random walks on all weekdays, with overlapping labels of five days and two features of noise.

    `shared` is the share of a currency's variance that a common factor drives, half of the currencies up, half down.
    """
    rng = np.random.default_rng(seed)
    n_prices = n_days + HORIZON
    factor = rng.standard_normal((n_prices, 1)) * np.where(np.arange(n_currencies) % 2, 1.0, -1.0)
    own = rng.standard_normal((n_prices, n_currencies))
    level = 0.01 * np.cumsum(np.sqrt(shared) * factor + np.sqrt(1 - shared) * own, axis=0)
    days = pd.bdate_range("2020-01-01", periods=n_prices).astype("datetime64[us]")
    names = [f"C{number:02}" for number in range(n_currencies)]
    pairs = []
    for one, other in combinations(range(n_currencies), 2):
        price = np.exp(level[:, one] - level[:, other])
        pairs.append(
            pd.DataFrame(
                {
                    "code": names[one] + names[other],
                    "date": days[:n_days],
                    "label_from": days[1 : n_days + 1],
                    "label_until": days[HORIZON:],
                    "ret_30d": rng.standard_normal(n_days),
                    "vol_20d": rng.random(n_days),
                    "target": price[HORIZON:] / price[:n_days] - 1,
                }
            ).assign(leg_1=names[one], leg_2=names[other])
        )
    return pd.concat(pairs, ignore_index=True)


def made_rows(**settings: object) -> DirectionRows:
    return direction_rows(made_panel(**settings), EvaluateConfig())
