"""The four ways of parting a panel whose differences the decomposition is made of."""

import pandas as pd

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.rows import Split
from tasks.premium.splitters import (
    Chronological,
    DateDisjoint,
    LabelSplitter,
    Part,
    StockAndDateDisjoint,
    StockDisjoint,
    split_facts,
)
from tasks.schemas.scores import SplitFacts


def schemes(labels: pd.DataFrame, config: PremiumConfig) -> tuple[list[Scheme], list[SplitFacts]]:
    """Part the rows in the four ways.

    Args:
        labels: The panel's table of labels.
        config: Cut, folds, blocks of days and embargo; the defaults of `robust` where it is null.

    Returns:
        `on`, stock-disjoint as in contract `seed`; `off`, chronological and purged; `date_disjoint`, a fold per block;
        `disjoint`, in both, whose fold i pools all blocks and so tests the rows that fold i of `on` tests. And, in
        the same order, how many rows each used, purged and left out, and how many of its train rows violate its test
        span.

    Raises:
        BadLabels: If the labels cannot be read.
        Unscorable: If these rows cannot be parted in one of the ways: too few stocks or days, or an empty side.
    """
    parts = {name: list(splitter.parts(labels)) for name, splitter in _splitters(config).items()}
    # A split is a fold of its own, but for `disjoint`, where the blocks of one fold of stocks follow each other.
    n_blocks = len(parts["date_disjoint"])
    return (
        [_scheme(name, own, n_blocks if name == "disjoint" else 1) for name, own in parts.items()],
        [split_facts(name, own, labels) for name, own in parts.items()],
    )


def _splitters(config: PremiumConfig) -> dict[str, LabelSplitter]:
    robust = config.robust or RobustConfig()
    n_blocks, embargo_days = robust.n_date_blocks, robust.embargo_days
    return {
        "on": StockDisjoint(config.n_folds),
        "off": Chronological(config.train_until, embargo_days=embargo_days),
        "date_disjoint": DateDisjoint(n_blocks, embargo_days),
        "disjoint": StockAndDateDisjoint(config.n_folds, n_blocks, embargo_days),
    }


def _scheme(name: str, parts: list[Part], n_pooled: int) -> Scheme:
    splits = [Split(part.train, part.test) for part in parts]
    return Scheme(name, [splits[first : first + n_pooled] for first in range(0, len(splits), n_pooled)])
