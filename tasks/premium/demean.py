"""The target without what all stocks of a day have in common."""

import pandas as pd

from tasks.premium.ridge import FloatArray


def demean_by_date(target: FloatArray, dates: pd.Series) -> FloatArray:
    """Subtract each day's mean over the rows of that day.

    What a model gains by telling days apart is gone from it. A day with one row gives 0.

    Args:
        target: (n_rows,) returns.
        dates: (n_rows,) day of each row.

    Returns:
        (n_rows,) returns with mean zero on every day.
    """
    own = pd.Series(target)
    demeaned: FloatArray = (own - own.groupby(dates.to_numpy()).transform("mean")).to_numpy()
    return demeaned
