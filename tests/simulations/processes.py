"""Nine kinds of panels, and what two models know of them.

The target is a shock that the day brings to all stocks, one that it brings to a sector, and noise of each row's own.
The base model's first column knows half of the day's shock, its second a tenth of the row's target, on all days or up
to the cut; the trained model's know both in the first quarter of the days only. Where a model knows nothing, both are
noise of the same variance. Eight more columns per model are noise that in part tells days and stocks apart, so that
fits overfit.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
from numpy.random import Generator

from tasks.premium.config import PremiumConfig
from tasks.premium.rows import Rows
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray

FIRST_DAY = "2020-01-01"
SHOCK_R2, TARGET_R2 = 0.5, 0.1
N_NOISE, N_SECTORS = 8, 8
NOISE_SHARES = (0.4, 0.2, 0.4)
"""Of the noise columns' variance: day, stock, row."""


@dataclass(frozen=True)
class Process:
    """How panels are drawn.

    Args:
        n_stocks: Stocks.
        n_days: Days of the panel.
        n_days_each: Days drawn of each stock.
        n_test_days: Days after the cut.
        market: Correlation of any two stocks on a day.
        sector: What the same sector adds to it.
        stock: Correlation of a stock's rows.
        persistence: Autocorrelation of the day's shock.
        degrees: Of freedom of Student's t, which shocks and noise follow; None for the normal distribution.
        clusters: Whether days have volatilities that persist.
        unequal: Whether stocks differ in volatility and in their number of rows.
        base_knows: Share of the days that the base knows, from the first on; 0.75 ends at the cut.
        trained_knows: The same of the trained model.
        trained_scale: Size of the trained model's columns; the base's have variance 1.
    """

    n_stocks: int = 80
    n_days: int = 60
    n_days_each: int = 20
    n_test_days: int = 15
    market: float = 0.3
    sector: float = 0.0
    stock: float = 0.0
    persistence: float = 0.0
    degrees: float | None = None
    clusters: bool = False
    unequal: bool = False
    base_knows: float = 1.0
    trained_knows: float = 0.25
    trained_scale: float = 1.0

    @property
    def config(self) -> PremiumConfig:
        """The premium stage's config with this panel's cut."""
        cut: date = self.days[self.n_days - self.n_test_days - 1].date()
        return PremiumConfig(train_until=cut)

    @property
    def days(self) -> pd.DatetimeIndex:
        """The panel's days, and two more that the last labels use."""
        return pd.bdate_range(FIRST_DAY, periods=self.n_days + 2)


PROCESSES = {
    "AR(0.6) shocks": Process(persistence=0.6, base_knows=0.75),
    "5 test days": Process(n_test_days=5),
    "20 of 260 days": Process(n_days=260, n_test_days=65, trained_scale=0.03),
    "unequal stocks": Process(unequal=True, stock=0.05, base_knows=0.75),
    "sectors": Process(market=0.15, sector=0.2, trained_scale=0.03),
    "20 stocks": Process(n_stocks=20, n_days_each=60, stock=0.05),
    "t5": Process(degrees=5),
    "t3": Process(degrees=3),
    "t4, clusters": Process(degrees=4, clusters=True, base_knows=0.75),
}


def draw_panel(process: Process, rng: Generator) -> Rows:
    """Draw one panel and the columns of both models; all panels of a process have the same labels."""
    labels, stock, day = labels_of(process)
    shock, target = draw_target(process, stock, day, rng)
    states = {
        model: _columns(shock, target, stock, day, np.arange(process.n_days) < share * process.n_days, rng)
        for model, share in {"base": process.base_knows, "trained": process.trained_knows}.items()
    }
    states["trained"] *= process.trained_scale
    narrow = {model: own.astype(np.float32) for model, own in states.items()}
    return Rows(labels, target, np.empty((len(target), 0)), narrow)


@cache
def labels_of(process: Process) -> tuple[pd.DataFrame, IntArray, IntArray]:
    """A process's labels, and each row's stock and day by number."""
    rng = np.random.default_rng(0)
    n_each = np.full(process.n_stocks, process.n_days_each)
    if process.unequal:
        n_each = np.clip(n_each * rng.lognormal(0, 0.7, process.n_stocks), 4, process.n_days).astype(np.int64)
    days = [rng.choice(process.n_days, own, replace=False) for own in n_each]
    stock, day = np.repeat(np.arange(process.n_stocks), n_each), np.concatenate(days)
    labels = pd.DataFrame(
        {
            "code": stock,
            "date": process.days[day],
            "label_from": process.days[day + 1],
            "label_until": process.days[day + 2],
        }
    )
    return labels, stock, day


def draw_target(process: Process, stock: IntArray, day: IntArray, rng: Generator) -> tuple[FloatArray, FloatArray]:
    """(n_days,) the shock to all stocks and (n_rows,) the target, both of variance 1."""
    market, sector = process.market, process.sector
    own = 1 - market - sector - process.stock
    shock = _persistent(_standard(process, process.n_days, rng), process.persistence)
    of_sector = _standard(process, (process.n_days, N_SECTORS), rng)[day, stock % N_SECTORS]
    target = np.sqrt(market) * shock[day] + np.sqrt(sector) * of_sector
    target += np.sqrt(process.stock) * _standard(process, process.n_stocks, rng)[stock]
    target += np.sqrt(own) * _standard(process, len(day), rng)
    if process.clusters:
        volatility = np.exp(0.4 * _persistent(rng.normal(size=process.n_days), 0.9) - 0.4**2)
        shock, target = shock * volatility, target * volatility[day]
    if process.unequal:
        target = target * rng.lognormal(-(0.5**2), 0.5, process.n_stocks)[stock]
    return shock, target


def _standard(process: Process, shape: int | tuple[int, int], rng: Generator) -> FloatArray:
    """Draws of variance 1."""
    if process.degrees is None:
        return rng.normal(size=shape)
    return rng.standard_t(process.degrees, size=shape) / np.sqrt(process.degrees / (process.degrees - 2))


def _persistent(innovations: FloatArray, persistence: float) -> FloatArray:
    """A stationary autoregression of variance 1."""
    values = innovations.copy()
    for number in range(1, len(values)):
        values[number] = persistence * values[number - 1] + np.sqrt(1 - persistence**2) * innovations[number]
    return values


def _columns(
    shock: FloatArray, target: FloatArray, stock: IntArray, day: IntArray, is_known: BoolArray, rng: Generator
) -> FloatArray:
    """(n_rows, 2 + N_NOISE) a model's columns; `is_known` by day."""
    parts = zip(NOISE_SHARES, (day, stock, np.arange(len(day))), strict=True)
    noise = sum(np.sqrt(share) * rng.normal(size=(own.max() + 1, N_NOISE))[own] for share, own in parts)
    of_shock = knowing(shock, SHOCK_R2, is_known, rng)[day]
    return np.column_stack([of_shock, knowing(target, TARGET_R2, is_known[day], rng), noise])


def knowing(truth: FloatArray, r2: float, known: BoolArray, rng: Generator) -> FloatArray:
    """A column that carries the truth with this R2 where it is known, and is noise of the same variance elsewhere."""
    noise = rng.normal(size=len(truth))
    return np.where(known, np.sqrt(r2) * truth + np.sqrt(1 - r2) * noise, noise)
