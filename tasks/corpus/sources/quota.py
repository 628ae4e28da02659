"""How a token budget is shared among dumps."""

from collections.abc import Sequence
from fractions import Fraction


def shares(token_budget: int, weights: Sequence[float]) -> list[int]:
    """Tokens each stratum gives, each rounded up.

    Args:
        token_budget: Tokens in all.
        weights: Of each stratum, positive.
    """
    # Fractions, so that a budget of 10**13 is not shared in floats.
    exact = [Fraction(weight) for weight in weights]
    return [-(-token_budget * weight // sum(exact)) for weight in exact]


def recency_weights(n_dumps: int, half_life_dumps: float) -> list[float]:
    """Weights of dumps, oldest first; the last one weighs 1."""
    return [0.5 ** ((n_dumps - 1 - place) / half_life_dumps) for place in range(n_dumps)]
