"""The reference's robustness checks: an embargo of five days before the cut, and an expanding walk-forward."""

import numpy as np

from tasks.premium.config import PremiumConfig
from tasks.premium.inference.evaluate import UNDEFINED, Scheme, score
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray, Split
from tasks.sampling.errors import Unscorable
from tasks.sampling.splitters import WalkForward
from tasks.sampling.splitters.labels import DayArray
from tasks.schemas.checks import ReferenceCheck, ReferenceChecks

N_FOLDS, EMBARGO_DAYS = 5, 5
"""The reference's; days are distinct trading days."""
NONE = ReferenceCheck(r2=None, fold_r2=[], n_train_rows=0, n_test_rows=0)


def reference_checks(
    rows: Rows, columns: FloatArray, config: PremiumConfig, r2_on: float, days: DayArray | None = None
) -> ReferenceChecks:
    """Score one model as the public recipe's robustness checks do: unscaled columns, nothing purged.

    Args:
        rows: The panel.
        columns: (n_rows, n_columns), unscaled.
        config: Cut and penalty.
        r2_on: The reference's R2 on of these columns.
        days: Trading days of the panel before days were drawn, which the embargo at the cut counts. By default the days
            of the rows and of their labels, which are all trading days unless the panel is small.

    Returns:
        A check that the rows do not allow has no R2 and names the reason.
    """
    embargo5 = _scored(rows, columns, [_embargoed(rows, config, days)], config.alpha)
    premium = None if embargo5.r2 is None else r2_on - embargo5.r2
    walks = [_walked(rows, columns, embargo_dates, config.alpha) for embargo_dates in (0, EMBARGO_DAYS)]
    return ReferenceChecks(
        embargo5=embargo5.model_copy(update={"premium": premium}),
        walk_forward5=walks[0],
        walk_forward5_embargo5=walks[1],
    )


def _embargoed(rows: Rows, config: PremiumConfig, days: DayArray | None) -> Split:
    dates = rows.labels["date"].to_numpy("datetime64[D]")
    cut = np.datetime64(config.train_until, "D")
    known = days if days is not None else trading_days(rows)
    banned = np.unique(known[known <= cut])[-EMBARGO_DAYS:]
    is_train = dates <= cut
    return Split(np.flatnonzero(is_train & ~np.isin(dates, banned)), np.flatnonzero(~is_train))


def trading_days(rows: Rows) -> DayArray:
    """Distinct days of the rows and of the prices that their targets use."""
    known = [rows.labels[name].to_numpy("datetime64[D]") for name in ("date", "label_from", "label_until")]
    return np.unique(np.concatenate(known))


def _walked(rows: Rows, columns: FloatArray, embargo_dates: int, alpha: float) -> ReferenceCheck:
    splitter = WalkForward(N_FOLDS, purge=False, embargo_dates=embargo_dates)
    try:
        splits = list(splitter.purged_splits(rows.labels))
    except Unscorable as error:
        return NONE.model_copy(update={"why_none": str(error)})
    return _scored(rows, columns, splits, alpha)


def _scored(rows: Rows, columns: FloatArray, splits: list[Split], alpha: float) -> ReferenceCheck:
    n_train, n_test = (sum(len(getattr(split, side)) for split in splits) for side in ("train", "test"))
    if not all(len(split.train) for split in splits):
        return NONE.model_copy(update={"why_none": "no train row is left before the embargo"})
    schemes = [Scheme("pooled", [splits]), *(Scheme(str(fold), [[split]]) for fold, split in enumerate(splits))]
    pooled, *folds = (
        float(r2) if np.isfinite(r2) else None for r2 in score(columns, rows.target, schemes, alpha=alpha).r2[0, 0]
    )
    return ReferenceCheck(
        r2=pooled,
        fold_r2=folds,
        n_train_rows=n_train,
        n_test_rows=n_test,
        why_none="" if pooled is not None else UNDEFINED,
    )
