"""Predictions are compared by numbers a reader can check."""

from math import exp, log

import numpy as np
import pytest

from tasks.export.distributions import Prediction, agreement, entropy

HALVES = np.log(np.array([0.5, 0.25, 0.125, 0.125]))


def listed(*probabilities: float) -> dict[int, float]:
    return {token: log(value) for token, value in enumerate(probabilities)}


def test_equal_predictions_have_no_divergence_and_the_same_perplexity() -> None:
    found = agreement([Prediction(HALVES, listed(0.5, 0.25), 0), Prediction(HALVES, listed(0.5, 0.25), 1)])
    assert (found.n, found.top1) == (2, 1.0)
    assert found.kl == pytest.approx(0, abs=1e-15)
    assert found.perplexity == found.reference_perplexity == pytest.approx(8**0.5)
    assert found.perplexity_change == 0


def test_tokens_that_are_not_listed_count_as_one() -> None:
    prediction = Prediction(HALVES, listed(0.25, 0.25), 0)
    assert prediction.kl == pytest.approx(0.5 * log(0.5 / 0.25) + 0.25 * log(0.25 / 0.5))


def test_the_probability_of_an_unlisted_token_is_shared_out_as_the_model_does() -> None:
    prediction = Prediction(HALVES, listed(0.25, 0.25), 3)
    assert exp(prediction.log_likelihood) == pytest.approx(0.5 * 0.125 / 0.25)


def test_another_best_token_does_not_agree() -> None:
    other = Prediction(HALVES, {1: log(0.6), 0: log(0.2)}, 0)
    assert not other.agrees
    assert agreement([other, Prediction(HALVES, listed(0.5, 0.25), 0)]).top1 == 0.5


def test_a_uniform_prediction_has_the_logarithm_of_the_vocabulary_as_entropy() -> None:
    uniform = np.full((3, 8), -log(8))
    assert entropy(uniform) == pytest.approx(log(8))
    assert entropy(np.vstack([HALVES, HALVES])) == pytest.approx(1.75 * log(2))
