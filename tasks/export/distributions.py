"""How far one prediction of the next token is from another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

REST = 1e-12
"""Least probability of the tokens beyond the listed ones: a sum of rounded numbers may exceed one."""


@dataclass(frozen=True)
class Prediction:
    """One position: the model's prediction and the file's.

    Args:
        reference: (n_vocabulary,) log-probabilities.
        found: Log-probabilities of the file's most probable tokens.
        token: The token that follows in the text.
    """

    reference: np.ndarray
    found: Mapping[int, float]
    token: int

    @property
    def agrees(self) -> bool:
        """Whether the most probable token is the same."""
        return int(self.reference.argmax()) == max(self.found, key=lambda token: self.found[token])

    @property
    def kl(self) -> float:
        """Divergence of the file's prediction from the model's, in nats, over the listed tokens and the rest."""
        p = np.exp(self.reference[list(self.found)].astype(np.float64))
        q = np.exp(np.array(list(self.found.values())))
        p, q = np.append(p, max(1 - p.sum(), REST)), np.append(q, max(1 - q.sum(), REST))
        return float((p * np.log(np.maximum(p, REST) / np.maximum(q, REST))).sum())

    @property
    def log_likelihood(self) -> float:
        """Of the token that follows, by the file.

        Of a token that is not listed only their sum is known; it is shared out as the model does.
        """
        if self.token in self.found:
            return self.found[self.token]
        rest = max(1 - np.exp(list(self.found.values())).sum(), REST)
        of_reference = max(1 - np.exp(self.reference[list(self.found)].astype(np.float64)).sum(), REST)
        return float(np.log(rest / of_reference) + self.reference[self.token])


@dataclass(frozen=True)
class Agreement:
    """A file against the model, over many predictions."""

    n: int
    top1: float
    """Share whose most probable token is the same."""
    kl: float
    """Mean divergence, nats."""
    perplexity: float
    reference_perplexity: float

    @property
    def perplexity_change(self) -> float:
        """Relative difference of the perplexities."""
        return abs(self.perplexity / self.reference_perplexity - 1)


def agreement(predictions: Sequence[Prediction]) -> Agreement:
    """Summarize predictions; there must be one."""
    own = [float(each.reference[each.token]) for each in predictions]
    return Agreement(
        n=len(predictions),
        top1=float(np.mean([each.agrees for each in predictions])),
        kl=float(np.mean([each.kl for each in predictions])),
        perplexity=float(np.exp(-np.mean([each.log_likelihood for each in predictions]))),
        reference_perplexity=float(np.exp(-np.mean(own))),
    )


def entropy(log_probabilities: np.ndarray) -> float:
    """Mean entropy of predictions, nats.

    Args:
        log_probabilities: (n_positions, n_vocabulary).
    """
    wide = log_probabilities.astype(np.float64)
    return float(-(np.exp(wide) * wide).sum(axis=1).mean())
