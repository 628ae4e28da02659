"""How long training will take, from rates that were measured elsewhere and say so."""

from dataclasses import dataclass

from tasks.train.config import TrainConfig
from tasks.train.estimates.flops import ArmKind
from tasks.train.estimates.sizes import Sizes

REFERENCE_ACTIVE = 2_946_429_568
"""Active parameters of Qwen3.5-35B-A3B, on which the rates were measured."""
TOKENS_PER_SECOND_PER_GPU: dict[ArmKind, tuple[float, float]] = {
    # The reference: 62,504,960 tokens in 23 h 23 min on one H100. No faster run of this kind is known.
    "lora": (742.5, 742.5),
    # The reference, 18 h 36 min for 924.5 M tokens; and transformers 5's expert kernels on Qwen3-30B-A3B.
    "full-weight": (1_726.0, 3_075.0),
}
"""Slowest and fastest rate known per H100. Source: the reference's two write-ups, 2026-05, and published runs."""


@dataclass(frozen=True)
class Span:
    """From the fastest to the slowest that is known.

    Args:
        low: Hours at the fastest rate.
        high: Hours at the slowest, the reference's.
    """

    low: float
    high: float

    def times(self, factor: float) -> "Span":
        """Both ends multiplied."""
        return Span(self.low * factor, self.high * factor)

    def plus(self, other: "Span") -> "Span":
        """End added to end."""
        return Span(self.low + other.low, self.high + other.high)

    def __str__(self) -> str:
        """As in `11.3 to 20.1`, or one figure where both ends are the same."""
        low, high = _figure(self.low), _figure(self.high)
        return high if low == high else f"{low} to {high}"


def training_hours(sizes: Sizes, config: TrainConfig, n_rows: int) -> Span | None:
    """Hours of training on H100, loading and checkpoints not counted; None for a run on a CPU.

    The rates are of full rows. Unpacked rows may be short, and gathering weights and starting kernels takes as long
    for a short row: the slow end counts every row as full, the fast end tokens alone. Other models are taken to use
    the same share of the GPU as the one measured.

    Args:
        sizes: The base model's.
        config: The arm.
        n_rows: Training rows, filler rows among them.
    """
    if config.kernels == "plain":
        return None
    slow, fast = TOKENS_PER_SECOND_PER_GPU[config.arm.kind]
    harder = sizes.n_active / REFERENCE_ACTIVE / config.arm.n_ranks / 3_600
    return Span(harder * config.token_budget / fast, harder * n_rows * config.sequence_length / slow)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
