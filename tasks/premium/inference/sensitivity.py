"""Sensitivity: the figures with standardized columns and a penalty chosen without the test side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.errors import Unscorable
from tasks.premium.gram.devices import threads_for
from tasks.premium.inference.evaluate import UNDEFINED, Scheme, score
from tasks.premium.inference.inner_cv import choose_alpha, inner_splits, standardized_paths
from tasks.premium.rows import FloatArray, Rows, Split
from tasks.schemas.scores import Sensitivity

MODELS = ("base", "trained")


@dataclass(frozen=True)
class Tuned:
    """A scheme's R2 with a penalty chosen for each fit.

    Args:
        r2: Mean over folds, as in `score`.
        alphas: Penalties chosen, in the order of folds and their splits.
        why_none: Why r2 is None.
    """

    r2: float | None
    alphas: list[float]
    why_none: str = ""


def sensitivity(
    rows: Rows, schemes: Sequence[Scheme], alphas: Sequence[float], alpha: float, n_blocks: int = 4
) -> list[Sensitivity]:
    """Score base and trained with the reference's fit, and with standardized columns and a chosen penalty.

    The second costs, for `on` with five folds and `off`, 2 models x 6 fits x n_blocks eigendecompositions and 2 x 6
    solves of a system as large as the number of columns, or of train rows where these are fewer.

    Args:
        rows: The panel with both models' states.
        schemes: `on` and `off`; others are ignored.
        alphas: Penalties to choose among, for standardized columns.
        alpha: The reference's penalty, for unscaled columns.
        n_blocks: Blocks of consecutive days of the inner, purged CV.

    Returns:
        The reference's figures, then the standardized ones with the penalties chosen: base's folds of `on`, base's
        `off`, then trained's.
    """
    used = [scheme for name in ("on", "off") for scheme in schemes if scheme.name == name]
    fixed, tuned = {}, {}
    for model in MODELS:
        columns = rows.columns(model)
        values = score(columns, rows.target, used, alpha=alpha).r2[0, 0].tolist()
        for scheme, value in zip(used, values, strict=True):
            fixed[model, scheme.name] = _tuned(value, [], scheme.name)
            tuned[model, scheme.name] = score_tuned(columns, rows, scheme, alphas, n_blocks)
    return [_entry(f"unscaled, alpha = {alpha:g}", fixed), _entry("standardized, alpha by purged CV", tuned)]


def score_tuned(columns: FloatArray, rows: Rows, scheme: Scheme, alphas: Sequence[float], n_blocks: int = 4) -> Tuned:
    """R2 of a scheme where every fit standardizes its columns by its train side and chooses its penalty inside it."""
    chosen: list[float] = []
    try:
        with threads_for(columns.shape[1]):
            r2 = [_fold_r2(columns, rows, fold, alphas, n_blocks, chosen) for fold in scheme.folds]
    except Unscorable as error:
        return Tuned(None, chosen, f"no penalty can be chosen for {scheme.name}: {error}")
    return _tuned(float(np.mean(r2)), chosen, scheme.name)


def _fold_r2(
    columns: FloatArray, rows: Rows, fold: Sequence[Split], alphas: Sequence[float], n_blocks: int, chosen: list[float]
) -> float:
    """R2 of a fold's splits together; the penalty of each is added to `chosen`."""
    sse = 0.0
    for split in fold:
        inner = inner_splits(rows.labels, split.train, n_blocks)
        chosen.append(choose_alpha(columns, rows.target, inner, alphas))
        predicted = standardized_paths(columns, rows.target, split, chosen[-1:])[:, 0]
        sse += float(((rows.target[split.test] - predicted) ** 2).sum())
    truth = rows.target[np.concatenate([split.test for split in fold])]
    if len(truth) == 0 or np.ptp(truth) == 0:
        return float("nan")
    return 1 - sse / float(((truth - truth.mean()) ** 2).sum())


def _tuned(r2: float, alphas: list[float], scheme: str) -> Tuned:
    return Tuned(r2, alphas) if np.isfinite(r2) else Tuned(None, alphas, f"no R2 under {scheme}: {UNDEFINED}.")


def _entry(name: str, by_model: dict[tuple[str, str], Tuned]) -> Sensitivity:
    r2 = {key: tuned.r2 for key, tuned in by_model.items()}
    four = [r2.get((model, scheme)) for model in MODELS for scheme in ("on", "off")]
    reasons = {tuned.why_none for tuned in by_model.values() if tuned.r2 is None}
    defined = [value for value in four if value is not None]
    return Sensitivity(
        name=name,
        base_on=four[0],
        base_off=four[1],
        trained_on=four[2],
        trained_off=four[3],
        reduction=(defined[0] - defined[1]) - (defined[2] - defined[3]) if len(defined) == len(four) else None,
        alphas=[alpha for tuned in by_model.values() for alpha in tuned.alphas],
        why_none=" ".join(sorted(reasons)),
    )
