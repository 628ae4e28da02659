"""Windows that pandas computes, under two names: qlib's, which leaves out what is missing, and one that must be full.

The names of full windows are those of Kakushadze (2016), 101 Formulaic Alphas, arXiv 1601.00991, appendix A.
"""

from functools import partial

import pandas as pd

from tasks.formulas.operators.registry import QUANTILE, SHIFT, FloatArray, delayed, operator, values, window


def rolling(x: FloatArray, d: int, *constants: float, method: str, least: int | None = None) -> FloatArray:
    """A statistic of every window.

    Args:
        x: (n_days, n_entities).
        d: Rows of a window.
        constants: What the method takes.
        method: Of pandas' rolling windows.
        least: Values that a window needs; None: all of them.
    """
    return values(getattr(pd.DataFrame(x).rolling(d, min_periods=least), method)(*constants))


for _names, _method, _low, _constants, _meaning in (
    (("Mean", "ts_mean"), "mean", 1, (), "Mean of a window."),
    (("Sum", "ts_sum"), "sum", 1, (), "Sum of a window."),
    (("Std", "stddev"), "std", 2, (), "Sample standard deviation (n - 1) of a window."),
    (("Max", "ts_max"), "max", 1, (), "Greatest value of a window."),
    (("Min", "ts_min"), "min", 1, (), "Least value of a window."),
    (("Quantile", "ts_quantile"), "quantile", 1, (QUANTILE,), "Quantile of a window, interpolated linearly."),
    ((None, "ts_skew"), "skew", 3, (), "Skewness of a window, adjusted for its length."),
    ((None, "ts_kurt"), "kurt", 4, (), "Excess kurtosis of a window, adjusted for its length."),
):
    for _name, _least in zip(_names, (1, None), strict=True):
        if _name:
            _add = operator(_name, group="window", constants=(window(_low), *_constants), meaning=_meaning)
            _add(partial(rolling, method=_method, least=_least))


operator("Ref", "delay", group="window", constants=(SHIFT,), meaning="The value of `shift` rows before.")(delayed)


@operator("Delta", "delta", group="window", constants=(SHIFT,))
def delta(x: FloatArray, lag: int) -> FloatArray:
    """The value less that of `shift` rows before."""
    return x - delayed(x, lag)
