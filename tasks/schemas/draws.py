"""The columns of `two_way.npy`: the draw's number, then by model and by fit the R2 of each scheme."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.schemas.estimates import FitName
from tasks.schemas.scores import RobustScores

if TYPE_CHECKING:
    import numpy as np

TWO_WAY_NAME = "two_way.npy"
SCHEMES = ("on", "off", "date_disjoint", "disjoint", "matched", "walk_forward")
"""In this order. Earlier scores lack the last ones: before REVISION 4 the walk-forward, before REVISION 3 `matched`,
when the shared-day effect was on - disjoint."""
Terms = Mapping[tuple[str, str], int]
"""A figure as a sum of R2s: (model, scheme) to sign."""


def figure_on_draws(two_way: "np.ndarray", terms: Terms, robust: RobustScores, fit: FitName) -> "np.ndarray":
    """A figure on each two-way draw.

    Args:
        two_way: (n_kept, 1 + n_models * n_fits * n_schemes), as in the premium artifact.
        terms: A figure that the scores have.
        robust: Scores of the same artifact, with models and fits in the order of the columns.
        fit: Whose figure.

    Returns:
        (n_kept,)
    """
    fits, models = list(robust.fits), list(robust.fits[fit].models)
    schemes = SCHEMES[: (two_way.shape[1] - 1) // (len(models) * len(fits))]
    columns = [
        1 + (models.index(model) * len(fits) + fits.index(fit)) * len(schemes) + _place(schemes, scheme)
        for model, scheme in terms
    ]
    figures: np.ndarray = two_way[:, columns] @ list(terms.values())
    return figures


def _place(schemes: Sequence[str], scheme: str) -> int:
    return schemes.index(scheme if scheme in schemes else "on")
