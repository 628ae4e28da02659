"""The measure in plain scikit-learn loops over rows, with which tests compare the fast computation."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold

from tasks.premium.inference.evaluate import Scheme
from tasks.sampling.arrays import Split


def draw_scores(columns, target, stocks, is_train, times, alpha=1.0, n_folds=5, solver="auto"):
    """R2 of each stock-disjoint fold, then of the chronological split, of one draw whose rows are written out."""
    rows_of = [np.flatnonzero(stocks == stock) for stock in range(len(times))]
    drawn = np.concatenate([rows_of[stock] for stock in np.repeat(np.arange(len(times)), times)])
    x, y, groups, past = columns[drawn], target[drawn], stocks[drawn], is_train[drawn]

    def r2(train, test):
        return r2_score(y[test], Ridge(alpha=alpha, solver=solver).fit(x[train], y[train]).predict(x[test]))

    return [*(r2(train, test) for train, test in GroupKFold(n_folds).split(x, y, groups)), r2(past, ~past)]


def score(columns, target, schemes: Sequence[Scheme], weights, alpha=1.0, solver="auto"):
    """(n_draws, n_schemes) R2 with scikit-learn's sample weights."""
    return np.array(
        [
            [np.mean([_fold(columns, target, fold, own, alpha, solver) for fold in scheme.folds]) for scheme in schemes]
            for own in weights
        ]
    )


def _fold(columns, target, fold: Sequence[Split], weights, alpha, solver):
    sse = 0.0
    for split in fold:
        train, test = (rows[weights[rows] > 0] for rows in (split.train, split.test))
        if len(test) and not len(train):
            return np.nan
        if len(test):
            fit = Ridge(alpha=alpha, solver=solver).fit(columns[train], target[train], sample_weight=weights[train])
            sse += weights[test] @ (target[test] - fit.predict(columns[test])) ** 2
    tested = np.concatenate([split.test for split in fold])
    own = weights[tested]
    if not own.any() or np.ptp(target[tested][own > 0]) == 0:
        return np.nan
    return 1 - sse / (own @ (target[tested] - np.average(target[tested], weights=own)) ** 2)
