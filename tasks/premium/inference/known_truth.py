"""What each figure is expected to be for a model whose knowledge ends on a given day.

A column carries the target with R2 = r on the days that the model knows, and is independent noise of the same variance
on all others. A regression fitted where it knows kappa of the train rows has the slope sqrt(r) kappa, and so on test
rows of which it knows theta an R2 of r (2 kappa theta - kappa^2). A penalty shrinks that slope.
"""

from collections.abc import Sequence

import numpy as np

from tasks.premium.inference.evaluate import Scheme
from tasks.sampling.arrays import BoolArray
from tasks.schemas.scores import Expected

FIGURES = ("on", "off", "disjoint")


def expected_r2(schemes: Sequence[Scheme], known: BoolArray, penalty: float = 0.0) -> dict[str, float]:
    """R2 of each scheme, in units of r, for a model that knows the given rows' targets.

    Args:
        schemes: Splits of the rows.
        known: (n_rows,) whether the model knows the row's target.
        penalty: Of standardized columns: n train rows shrink the slope of a column that is correlated with no other to
            n / (n + penalty) of itself.

    Examples:
        >>> import numpy as np
        >>> from tasks.sampling.arrays import Split
        >>> off = Scheme("off", [[Split(np.array([0, 1]), np.array([2]))]])
        >>> expected_r2([off], np.array([True, True, False]))  # up to the cut
        {'off': -1.0}
    """
    return {
        scheme.name: float(
            np.mean([_pooled([(known[s.train], known[s.test]) for s in fold], penalty) for fold in scheme.folds])
        )
        for scheme in schemes
    }


def _pooled(sides: Sequence[tuple[BoolArray, BoolArray]], penalty: float) -> float:
    """R2 of several splits' test rows together."""
    n_rows = [len(test) for _, test in sides]
    slopes = [train.sum() / (len(train) + penalty) for train, _ in sides]
    r2 = [2 * slope * test.mean() - slope**2 for slope, (_, test) in zip(slopes, sides, strict=True)]
    return float(np.average(r2, weights=n_rows))


def expected_figures(schemes: Sequence[Scheme], is_train: BoolArray) -> list[Expected]:
    """The expected figures of a model that knows nothing, all up to the cut, or the whole panel.

    Args:
        schemes: `on`, `off` and `disjoint` among others.
        is_train: (n_rows,) whether the row is up to the cut.

    Returns:
        In units of r: each R2 and the premium of such a model; and lookahead, gain and reduction of one that knows the
        whole panel less such a model.
    """
    cases = {
        "nothing": np.zeros_like(is_train),
        "up_to_the_cut": is_train,
        "beyond": np.ones_like(is_train),
    }
    by_case = {case: _figures(expected_r2(schemes, known)) for case, known in cases.items()}
    models = [
        Expected(figure=figure, **{case: own[figure] for case, own in by_case.items()})
        for figure in (*FIGURES, "premium")
    ]
    differences = {"lookahead": "disjoint", "gain": "off", "reduction": "premium"}
    base = by_case["beyond"]
    return models + [
        Expected(figure=name, **{case: base[figure] - own[figure] for case, own in by_case.items()})
        for name, figure in differences.items()
    ]


def _figures(r2: dict[str, float]) -> dict[str, float]:
    return {name: r2[name] for name in FIGURES} | {"premium": r2["on"] - r2["off"]}
