"""Panels whose days bring shocks to all stocks, and what two models know of them.

Each panel has 100 stocks on 20 of 60 days. The target is a shock the day brings to all stocks, with correlation rho
between any two, and noise of each row's own. The base model's two columns know half of the day's shock, and a tenth
of the row's target, up to the cut; the trained model's know both up to day 15 only; after what they know, columns are
noise of the same variance.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from tasks.premium.inference.evaluate import Scheme
from tasks.premium.splitters import Chronological, LabelSplitter, StockDisjoint

FloatArray = NDArray[np.float64]

N_STOCKS, N_DAYS, N_DAYS_EACH = 100, 60, 20
N_TRAIN_DAYS, N_DAYS_KNOWN_AFTER_TRAINING = 45, 15
SHOCK_R2, TARGET_R2 = 0.5, 0.1
CUT = date(2020, 12, 31)
DAYS = pd.bdate_range(end=CUT, periods=N_TRAIN_DAYS).append(
    pd.bdate_range(start=CUT + timedelta(days=1), periods=N_DAYS - N_TRAIN_DAYS + 2)
)


@dataclass(frozen=True)
class Panel:
    """One panel, its models' columns, and the reference's two schemes."""

    labels: pd.DataFrame
    target: FloatArray
    base: FloatArray
    trained: FloatArray
    on_off: list[Scheme]


def draw_panel(correlation: float, rng: Generator) -> Panel:
    """Draw one panel and the columns of both models."""
    stocks = np.repeat(np.arange(N_STOCKS), N_DAYS_EACH)
    days = np.concatenate([rng.choice(N_DAYS, N_DAYS_EACH, replace=False) for _ in range(N_STOCKS)])
    shock = rng.normal(size=N_DAYS)
    target = np.sqrt(correlation) * shock[days] + np.sqrt(1 - correlation) * rng.normal(size=len(days))

    def columns(n_known_days: int) -> FloatArray:
        shocks = _knowing(shock, SHOCK_R2, np.arange(N_DAYS) < n_known_days, rng)[days]
        return np.column_stack([shocks, _knowing(target, TARGET_R2, days < n_known_days, rng)])

    labels = pd.DataFrame(
        {"code": stocks, "date": DAYS[days], "label_from": DAYS[days + 1], "label_until": DAYS[days + 2]}
    )
    return Panel(
        labels=labels,
        target=target,
        base=columns(N_TRAIN_DAYS),
        trained=columns(N_DAYS_KNOWN_AFTER_TRAINING),
        on_off=[_scheme("on", StockDisjoint(5), labels), _scheme("off", Chronological(CUT), labels)],
    )


def _scheme(name: str, splitter: LabelSplitter, labels: pd.DataFrame) -> Scheme:
    return Scheme(name, [[split] for split in splitter.purged_splits(labels)])


def _knowing(truth: FloatArray, r2: float, known: NDArray[np.bool_], rng: Generator) -> FloatArray:
    noise = rng.normal(size=len(truth))
    return np.where(known, np.sqrt(r2) * truth + np.sqrt(1 - r2) * noise, noise)
