"""The baselines: scikit-learn classifiers over one table with each row's day, legs and features."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import UnknownFeature
from tasks.evaluate.rows import DirectionRows
from tasks.schemas.artifacts import Panel
from tasks.schemas.direction import BaselineName

PLANTED = "the outcome's sign, with noise"
"""Column of the control; no other model reads it."""
PLANTED_NOISE = 0.45
"""Standard deviation beside a sign of -1 or 1: the column's own sign is right in 98.7 % of rows."""

LOOKUP_C = 10.0
"""Inverse penalty of the look-up's strengths. With the default of 1 it is nearly as often right, and hardly certain."""
TOLERANCE, MAX_ITERATIONS = 1e-9, 10_000
"""scikit-learn compares the tolerance with the gradient of the mean loss: with its default of 1e-4, the strengths of a
day among thousands would stay at zero."""


def model_table(rows: DirectionRows, seed: int) -> pd.DataFrame:
    """(n_rows,) what the baselines may read: features, day and legs, and the control's column.

    Args:
        rows: The panel.
        seed: Seed of the control's noise.
    """
    noise = PLANTED_NOISE * np.random.default_rng([seed, 1]).standard_normal(len(rows.outcome))
    names = ["date", *Panel.LEGS]
    return pd.concat([rows.numeric, rows.labels[names]], axis=1).assign(**{PLANTED: np.sign(rows.outcome) + noise})


def make_baseline(name: BaselineName, features: list[str], config: EvaluateConfig) -> Any:
    """An unfitted scikit-learn classifier over `model_table`.

    Args:
        name: Which.
        features: The panel's numeric features.
        config: The momentum's feature, and the boosting's seed.

    Raises:
        UnknownFeature: If the momentum's feature is none of them.
    """
    match name:
        case "majority":
            return DummyClassifier(strategy="prior")
        case "momentum":
            if config.momentum not in features:
                raise UnknownFeature(
                    f"evaluate.momentum is {config.momentum!r}; the panel's features are {', '.join(features)}."
                )
            # Without an intercept, which would make it the majority wherever past and coming directions hardly agree.
            continued = _logistic(fit_intercept=False)
            return make_pipeline(_columns([config.momentum]), FunctionTransformer(np.sign), continued)
        case "logistic":
            return make_pipeline(_columns(features), StandardScaler(), _logistic())
        case "boosting":
            # Its own early stopping would draw validation rows at random, from days that train has too.
            booster = HistGradientBoostingClassifier(early_stopping=False, random_state=config.seed)
            return make_pipeline(_columns(features), booster)
        case "look-up":
            strengths = _logistic(C=LOOKUP_C, fit_intercept=False)
            return make_pipeline(FunctionTransformer(day_and_currencies), DictVectorizer(), strengths)
        case "planted":
            return make_pipeline(_columns([*features, PLANTED]), StandardScaler(), _logistic())


def day_and_currencies(table: pd.DataFrame) -> list[dict[str, float]]:
    """Each row as +1 for its day and first leg and -1 for its day and second leg, and nothing else.

    A logistic regression on them gives each currency a strength per day. Pairs of a day reveal one another, as their
    legs' strengths are shared; of a day without train rows nothing is known, and the probability is 1/2.
    Source: Bradley and Terry (1952), Rank analysis of incomplete block designs, Biometrika 39(3/4).

    Args:
        table: Columns date, leg_1 and leg_2.

    Examples:
        >>> import pandas as pd
        >>> day_and_currencies(pd.DataFrame({"date": [pd.Timestamp("2020-01-02")], "leg_1": "EUR", "leg_2": "JPY"}))
        [{'2020-01-02 EUR': 1.0, '2020-01-02 JPY': -1.0}]
    """
    days = table["date"].dt.strftime("%Y-%m-%d")
    return [
        {f"{day} {first}": 1.0, f"{day} {second}": -1.0}
        for day, first, second in zip(days, *(table[leg] for leg in Panel.LEGS), strict=True)
    ]


def _columns(names: list[str]) -> ColumnTransformer:
    return ColumnTransformer([("columns", "passthrough", names)])


def _logistic(**settings: Any) -> LogisticRegression:
    return LogisticRegression(tol=TOLERANCE, max_iter=MAX_ITERATIONS, **settings)
