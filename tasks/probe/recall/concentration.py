"""Whether a pair's lookahead comes from the rows on which the first model's answers are certain.

Certainty is known before the outcome. The log odds of the direction that came are not used: a prediction and an answer
that lean the same way for any reason are right on the same rows, and would look like recall.

Gains are set against the squares of the same rows. As shares of the panel's variance, volatile rows would carry more of
the lookahead of a model that knows all rows equally well, and models are more certain of some volatile rows.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tasks.probe.recall.questions import Answers, AskedRows
from tasks.probe.recall.statistics import ratio, slope
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray
from tasks.schemas.estimates import CO_PRIMARY, FitName
from tasks.schemas.recall import Concentration

EVEN = "certainty is the same on all rows"


def concentrations(
    pair: tuple[str, str], answers: Answers, predictions: pd.DataFrame, rows: AskedRows, numbers: IntArray
) -> Iterator[Concentration]:
    """By co-primary fit, where lookahead comes from.

    Args:
        pair: The two models; lookahead is what the first one's predictions explain beyond the second's.
        answers: The first model's, to the question.
        predictions: The table of RowPredictions.
        rows: The rows asked about.
        numbers: (n,) their row numbers in the panel.
    """
    for fit in CO_PRIMARY:
        by_model = [_column(predictions, model, fit, numbers) for model in pair]
        used = np.isfinite(by_model[0]) & np.isfinite(by_model[1]) & answers.is_asked
        if used.any():
            yield _concentration(fit, by_model, answers.certainty, rows, used)


def _column(predictions: pd.DataFrame, model: str, fit: FitName, numbers: IntArray) -> FloatArray:
    own = predictions[(predictions["model"] == model) & (predictions["fit"] == fit)]
    found: FloatArray = own.set_index("row")["disjoint"].reindex(numbers).to_numpy(np.float64)
    return found


def _concentration(
    fit: FitName, predicted: list[FloatArray], certainty: FloatArray, rows: AskedRows, used: BoolArray
) -> Concentration:
    target = rows.target
    about_mean = np.where(used, target - target[used].mean(), 0.0) ** 2
    one, other = (np.where(used, target - own, 0.0) ** 2 for own in predicted)
    gain = other - one
    certainty = np.where(used, certainty, 0.0)
    is_certain = used & (certainty > np.median(certainty[used]))
    certain = ratio(gain, about_mean, is_certain, why=EVEN)
    uncertain = ratio(gain, about_mean, used & ~is_certain, why=EVEN)
    return Concentration(
        fit=fit,
        n_rows=int(used.sum()),
        lookahead=rows.intervals[ratio(gain, about_mean, used)],
        certain=rows.intervals[certain],
        uncertain=rows.intervals[uncertain],
        difference=rows.intervals[certain - uncertain],
        slope=rows.intervals[slope(certainty, gain, about_mean, used)],
    )
