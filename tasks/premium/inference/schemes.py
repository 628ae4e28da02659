"""The four ways of splitting a panel whose differences make the decomposition."""

import pandas as pd

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.splitters import (
    Chronological,
    DateDisjoint,
    LabelSplitter,
    StockAndDateDisjoint,
    StockDisjoint,
    split_facts,
)
from tasks.schemas.scores import SplitFacts


def make_schemes(labels: pd.DataFrame, config: PremiumConfig) -> tuple[list[Scheme], list[SplitFacts]]:
    """Split the rows in the four ways.

    Args:
        labels: The panel's table of labels.
        config: Cut, folds, blocks of days and embargo; the defaults of `robust` where it is null.

    Returns:
        Schemes `on`, stock-disjoint as in the reference; `off`, chronological and purged; `date_disjoint`, a fold per
        block; `disjoint`, in both, whose fold i pools all blocks and so tests the rows that fold i of `on` tests. And,
        in the same order, how many rows each used, purged and left out, and how many train rows violate its test span.

    Raises:
        BadLabels: If the labels cannot be read.
        Unscorable: If the rows cannot be split in one of the ways: too few stocks or days, or an empty side.
    """
    robust = config.robust or RobustConfig()
    n_folds, n_blocks, embargo_days = config.n_folds, robust.n_date_blocks, robust.embargo_days
    splitters: dict[str, LabelSplitter] = {
        "on": StockDisjoint(n_folds),
        "off": Chronological(config.train_until, embargo_days=embargo_days),
        "date_disjoint": DateDisjoint(n_blocks, embargo_days),
        "disjoint": StockAndDateDisjoint(n_folds, n_blocks, embargo_days),
    }
    schemes, facts = [], []
    for name, splitter in splitters.items():
        splits = list(splitter.purged_splits(labels))
        # A fold is one split, but in `disjoint` it is all blocks of one fold of stocks, which follow each other.
        n_pooled = n_blocks if name == "disjoint" else 1
        schemes.append(Scheme(name, [splits[first : first + n_pooled] for first in range(0, len(splits), n_pooled)]))
        facts.append(split_facts(name, splits, labels))
    return schemes, facts
