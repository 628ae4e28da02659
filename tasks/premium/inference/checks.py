"""Decay and portfolio of every model, from the predictions that its rank IC is made of, beside its decodability."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from tasks.premium.config import PortfolioConfig, PremiumConfig, RobustConfig
from tasks.premium.inference.decay import decay
from tasks.premium.inference.portfolio import difference, portfolio, trade
from tasks.premium.inference.predictions import Predictions
from tasks.premium.rows import Rows
from tasks.schemas.checks import Checks, Portfolios
from tasks.schemas.decodability import Decodability
from tasks.schemas.estimates import CO_PRIMARY, FitName

BINARY = 2
"""Values of a target that is an event and no return."""


def make_checks(
    rows: Rows,
    config: PremiumConfig,
    robust: RobustConfig,
    predictions: Mapping[str, Predictions],
    decodability: Mapping[str, Decodability] | None = None,
) -> Checks:
    """Score decay and portfolios.

    Args:
        rows: The panel.
        config: Knowledge cutoffs by model.
        robust: The portfolio.
        predictions: By model.
        decodability: By model, where it was asked for.
    """
    own, reason = robust.portfolio, ""
    if own is None:
        reason = "the recipe leaves it out (premium.robust.portfolio is null)"
    elif len(np.unique(rows.target)) <= BINARY:
        own, reason = None, "the target takes two values and is no return"
    return Checks(
        decay={
            model: decay(rows, found, config.cutoffs[model])
            for model, found in predictions.items()
            if model in config.cutoffs
        },
        portfolios={fit: _portfolios(rows, predictions, fit, own) for fit in CO_PRIMARY} if own else {},
        why_no_portfolio=reason,
        quantile=own.quantile if own else None,
        cost_bps=own.cost_bps if own else None,
        decodability=dict(decodability or {}),
    )


def _portfolios(
    rows: Rows, predictions: Mapping[str, Predictions], fit: FitName, config: PortfolioConfig
) -> Portfolios:
    traded = {model: trade(rows, found[fit]["walk_forward"], config) for model, found in predictions.items()}
    return Portfolios(
        models={model: portfolio(own) for model, own in traded.items()},
        differences={
            f"{one} - {other}": difference(traded[one], traded[other]) for one, other in combinations(traded, 2)
        },
    )
