"""Where a chronological split divides a panel's days."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.sampling.errors import BadHoldout
from tasks.sampling.holdout import HoldoutConfig


@dataclass(frozen=True)
class Cut:
    """Where the days are divided.

    Args:
        train_until: Last day of the train rows.
        holdout_from: First day of the hold-out, after it.
    """

    train_until: date
    holdout_from: date


def find_cut(days: pd.Series, config: HoldoutConfig) -> Cut:
    """The cut that the config names by day or by share.

    Args:
        days: Day of each row.
        config: Hold-out and end of the training.

    Raises:
        BadHoldout: If the hold-out would be empty, or would start before the training ends.
    """
    distinct = np.sort(days.unique())
    first_day, last_day = (pd.Timestamp(day).date() for day in distinct[[0, -1]])
    n_holdout = max(1, round(config.holdout_share * len(distinct)))
    holdout_from = config.holdout_from or pd.Timestamp(distinct[-min(n_holdout, len(distinct))]).date()
    train_until = config.train_until or holdout_from - timedelta(days=1)
    if not train_until < holdout_from:
        raise BadHoldout(
            f"the hold-out starts on {holdout_from}, and the training ends on train_until={train_until}; it must end "
            "before. Move train_until back, or name holdout_from."
        )
    if not first_day <= train_until or not holdout_from <= last_day:
        raise BadHoldout(
            f"the hold-out starts on {holdout_from} and the training ends on {train_until}, but the panel's days are "
            f"{first_day} to {last_day}; move holdout_from or train_until into them."
        )
    return Cut(train_until, holdout_from)
