"""Power: the smallest effect a panel can detect, from a run's own draws or from stand-ins before it.

Before the trained model exists, the base's own states stand for base. The same states dealt to other stocks of their
day stand for trained: they keep their scale and what they tell about days. The base gets a column with a planted
effect, because an effect that is there makes a difference vary more.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.decompose import Decompositions
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.inner_cv import choose_penalty
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.two_way import score_two_way
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray
from tasks.sampling.two_way import MIN_DRAWS, SPREAD, TwoWayDraws
from tasks.schemas.estimates import CO_PRIMARY, QUANTILE_975, FitName
from tasks.schemas.scores import Power

QUANTILE_80 = 0.8416
"""Of the standard normal: 80 % power."""
DETECTABLE = QUANTILE_975 + QUANTILE_80
"""Standard errors from the threshold at which a two-sided 5 % test decides in 80 % of samples."""
SCHEMES_OF: dict[str, dict[str, int]] = {
    "lookahead": {"disjoint": 1},
    "gain": {"off": 1},
    "reduction": {"on": 1, "off": -1},
}
"""Each difference as a sum of R2s: scheme to sign."""
MAX_PLANTED_R2 = 0.5


def power_of(
    metric: str,
    fit: FitName,
    source: Literal["draws", "states", "noise"],
    half_width: float,
    n_columns: int,
    n_draws: int,
) -> Power:
    """Smallest effect that a two-sided 5 % test finds with 80 % power, for a nearly normal estimate."""
    smallest = DETECTABLE * half_width / QUANTILE_975
    return Power(
        metric=metric,
        fit=fit,
        source=source,
        half_width=half_width,
        smallest_detectable=smallest,
        n_columns=n_columns,
        n_draws=n_draws,
    )


def observed_power(found: Decompositions, one: str, other: str, n_columns: int, is_shrunk: bool = False) -> list[Power]:
    """Power of the difference between two measured models, from its own draws.

    Where both models' standardized fits predict the mean (`is_shrunk`), their difference hardly varies and has none.
    """
    powers = []
    for metric in SCHEMES_OF:
        for fit in CO_PRIMARY[:1] if is_shrunk else CO_PRIMARY:
            estimate = getattr(found.difference(one, other, fit), metric)
            half_width = (estimate.interval[1] - estimate.interval[0]) / 2 if estimate.interval else 0.0
            # Equal columns differ in no draw: that is no power to find anything.
            if half_width > 0:
                powers.append(power_of(metric, fit, "draws", half_width, n_columns, len(found.draws)))
    return powers


def expected_power(
    rows: Rows, source: Literal["states", "noise"], config: PremiumConfig, robust: RobustConfig
) -> list[Power]:
    """Expected power of base - trained, before the trained model exists.

    Args:
        rows: The panel with the base's states, or with noise of their width, as its first model.
        source: Which of the two.
        config: Cut, folds, penalty and seed.
        robust: Draws, blocks of days and penalties.

    Returns:
        Lookahead, gain and reduction under both co-primary fits, over the draws that define them all.

    Raises:
        Unscorable: If the rows cannot be split.
        TooFewDraws: If fewer than MIN_DRAWS draws can be scored.
    """
    schemes = [scheme for scheme in make_schemes(rows.labels, config)[0] if scheme.name in ("on", "off", "disjoint")]
    base = rows.columns(rows.first_model)
    off = next(scheme for scheme in schemes if scheme.name == "off")
    two_way, n_draws = TwoWayDraws(rows.labels, config.seed), robust.n_power_draws
    rng = np.random.default_rng([config.seed, 4])

    def draws(what: str, columns: FloatArray) -> FloatArray:
        penalty = choose_penalty(columns, rows, off, robust.alphas)
        return score_two_way(what, columns, rows.target, schemes, two_way, n_draws, config.alpha, penalty).r2

    trained = draws("a stand-in for trained", _dealt_within_days(rows, rng))
    found = _spread(draws("base", base) - trained, schemes)
    # Twice, as an effect makes a difference vary more and then has to be larger. What the fit that varies more needs:
    # states that predict nothing are shrunk to it when standardized, and hardly vary at all. Noise stays as it is.
    for _ in range(2 if source == "states" else 0):
        effect = min(MAX_PLANTED_R2, DETECTABLE * max(found["lookahead", fit] for fit in CO_PRIMARY))
        with_effect = np.column_stack([base, _planted(rows, effect, rng)])
        found = _spread(draws("base with an effect", with_effect) - trained, schemes)
    return [
        power_of(metric, fit, source, QUANTILE_975 * sd, base.shape[1], n_draws) for (metric, fit), sd in found.items()
    ]


def _spread(differences: FloatArray, schemes: Sequence[Scheme]) -> Mapping[tuple[str, FitName], float]:
    """Standard deviation of each metric under each co-primary fit, from its draws.

    Args:
        differences: (n_draws, n_fits, n_schemes) R2 of one model less another's.
        schemes: Their names.
    """
    kept = differences[np.isfinite(differences).all(axis=(1, 2))]
    if len(kept) < MIN_DRAWS:
        raise TooFewDraws(
            f"{len(kept)} of {len(differences)} draws could be scored, the expected half-width needs {MIN_DRAWS}; "
            "raise panel.n_stocks, panel.dates_per_stock or premium.robust.n_power_draws."
        )
    index = {scheme.name: number for number, scheme in enumerate(schemes)}
    return {
        (metric, fit): SPREAD
        * float(np.std(sum(s * kept[:, number, index[name]] for name, s in terms.items()), ddof=1))
        for metric, terms in SCHEMES_OF.items()
        for number, fit in enumerate(CO_PRIMARY)
    }


def _dealt_within_days(rows: Rows, rng: np.random.Generator) -> FloatArray:
    """The first model's columns with its states dealt to other stocks of the same day."""
    day = np.unique(rows.labels["date"].to_numpy(), return_inverse=True)[1]
    source = np.empty(len(day), dtype=np.int64)
    # Sorted by day, ties in random order, against sorted by day: a random permutation inside each day.
    source[np.argsort(day, kind="stable")] = np.lexsort([rng.random(len(day)), day])
    return np.hstack([rows.states[rows.first_model][source].astype(np.float64), rows.numeric])


def _planted(rows: Rows, r2: float, rng: np.random.Generator) -> FloatArray:
    """(n_rows,) column that carries the target with the given R2, as large as a state's typical column.

    Constant states have no size; the column then has deviation 1.
    """
    standardized = (rows.target - rows.target.mean()) / rows.target.std()
    scale = float(rows.states[rows.first_model].std(axis=0, dtype=np.float64).mean()) or 1.0
    column: FloatArray = scale * (np.sqrt(r2) * standardized + np.sqrt(1 - r2) * rng.standard_normal(len(rows.target)))
    return column
