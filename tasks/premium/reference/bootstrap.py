"""The reference's bootstrap: how far its scores would move with other stocks."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.premium.chunks import in_chunks
from tasks.premium.config import PremiumConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.gram.devices import Device, choose_device, one_thread
from tasks.premium.gram.stock_draws import StockGrams
from tasks.premium.reference.draws import StockDraws
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray
from tasks.schemas.estimates import PERCENTILES, Interval

MIN_KEPT_DRAWS = 10
"""With fewer, the 2.5 % percentile is the smallest draw."""
MAX_DRAWS_PER_CHUNK = 100
"""A narrow panel then still shows progress, and a killed run loses little."""


@dataclass(frozen=True, eq=False)
class ScoredDraws:
    """All models on the same draws.

    Args:
        draws: (n_kept, 1 + 2 * n_models) draw, then on and off of each model.
        dropped: Dropped draws by reason.
        n_flat: Kept draws with a test side whose target does not vary; its R2 is 0 by scikit-learn's convention.
        n_refits: Fits corrected on rows or solved from them, as a Gram matrix was not exact enough.
    """

    draws: FloatArray
    dropped: Mapping[str, int]
    n_flat: int
    n_refits: int


def score_draws(rows: Rows, config: PremiumConfig, work_dir: Path | None = None) -> ScoredDraws:
    """Score all models on the same draws.

    Args:
        rows: The panel.
        config: Draws, folds, penalty, memory.
        work_dir: Where finished chunks are kept, so that a killed run can resume.

    Raises:
        TooFewDraws: If fewer than MIN_KEPT_DRAWS can be scored.
    """
    is_train = rows.is_train(config.train_until)
    draws = StockDraws(rows.stocks, is_train, rows.target, config.n_draws, config.n_folds, config.seed)
    dropped = dict(sorted(Counter(filter(None, draws.drop_reasons)).items()))
    if len(draws.kept) < MIN_KEPT_DRAWS:
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        raise TooFewDraws(
            f"{len(draws.kept)} of {config.n_draws} draws could be scored ({reasons}), an interval needs "
            f"{MIN_KEPT_DRAWS}; raise panel.n_stocks, panel.dates_per_stock or premium.n_draws."
        )
    device = choose_device()
    scores = [_score_model(rows, model, draws, config, device, work_dir) for model in rows.states]
    return ScoredDraws(
        draws=np.column_stack([draws.kept, *(own[:, :2] for own in scores)]),
        dropped=dropped,
        n_flat=int(draws.is_flat[draws.kept].any(axis=1).sum()),
        n_refits=int(sum(own[:, 2].sum() for own in scores)),
    )


def _score_model(
    rows: Rows, model: str, draws: StockDraws, config: PremiumConfig, device: Device, work_dir: Path | None
) -> FloatArray:
    """(n_kept, 3) on and off of one model, and how many fits were corrected on rows or solved from them."""
    columns, is_train = rows.columns(model), rows.is_train(config.train_until)
    n_columns, n_kept = columns.shape[1], len(draws.kept)
    with one_thread():
        grams = StockGrams(columns, rows.target, rows.stocks, is_train, device, config.alpha)
        del columns  # the design is a copy, and at true size each is half a gigabyte

        def on(start: int, stop: int) -> FloatArray:
            folds, n_refits = grams.score_on(draws.take(start, stop))
            return np.column_stack([folds.mean(axis=1), n_refits])

        def off(start: int, stop: int) -> FloatArray:
            return np.column_stack(grams.score_off(draws.take(start, stop)))

        what = f"stock draws of {model}, {n_columns} columns"
        # Two passes: a chunk of chronological splits holds more draws than a chunk of folds, and a stock's Gram
        # matrices are formed once per chunk. The one that needs more memory first: mapping it twice takes as long as
        # some of the arithmetic.
        scored_on = in_chunks(f"{what}, on", n_kept, draws_per_chunk(grams, config.n_folds, config), work_dir, on)
        scored_off = in_chunks(f"{what}, off", n_kept, draws_per_chunk(grams, 1, config), work_dir, off)
    return np.column_stack([scored_on[:, 0], scored_off[:, 0], scored_on[:, 1] + scored_off[:, 1]])


def draws_per_chunk(grams: StockGrams, n_grams: int, config: PremiumConfig) -> int:
    """Draws that fit in `memory_gb`, at least one, where each draw needs `n_grams` Gram matrices."""
    free = 1e9 * config.memory_gb - grams.n_fixed_bytes
    return min(MAX_DRAWS_PER_CHUNK, max(1, int(free // (n_grams * grams.tiles.n_bytes))))


def interval(values: FloatArray) -> Interval:
    """Percentiles 2.5, 50 and 97.5 of draws, linear between neighbours.

    Examples:
        >>> interval(np.arange(101.0))
        Interval(p2_5=2.5, p50=50.0, p97_5=97.5)
    """
    low, middle, high = np.percentile(values, PERCENTILES).tolist()
    return Interval(p2_5=low, p50=middle, p97_5=high)
