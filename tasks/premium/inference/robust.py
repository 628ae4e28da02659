"""The stage's robust scores: every fit's figures, and each pair's conclusions, power and answer to a hypothesis."""

from collections.abc import Mapping, Sequence

from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.inference.checks import make_checks
from tasks.premium.inference.decodability import score_decodability
from tasks.premium.inference.decompose import Decompositions
from tasks.premium.inference.known_truth import expected_figures
from tasks.premium.inference.numerical_noise import numerical_noise, pair_noise
from tasks.premium.inference.power import observed_power
from tasks.premium.inference.verdict import answer, conclude, figures_of
from tasks.premium.rows import Rows
from tasks.schemas.estimates import FITS, FitName, FitScores
from tasks.schemas.scores import PairScores, RobustScores, Tails, models_of


def robust_scores(
    rows: Rows, config: PremiumConfig, robust: RobustConfig, found: Decompositions, pairs: Sequence[str]
) -> RobustScores:
    """Shape the models' decompositions into the stage's scores, with conclusions, power and the answer.

    Args:
        rows: The panel with the models' states, the reference's first.
        config: Penalty and seed, and the hypothesis if there is one.
        robust: Draws.
        found: The decompositions of these rows.
        pairs: Pairs of models to draw conclusions on.
    """
    is_train = rows.is_train(config.train_until)
    fits = {fit: found.fit(fit) for fit in FITS}
    decoded = score_decodability(rows, config, robust, found) if robust.decodability else {}
    noise = numerical_noise(rows, config, robust, found.penalties)
    return RobustScores(
        fits=fits,
        pairs={
            pair: _pair_scores(
                pair,
                config.hypothesis,
                robust,
                found,
                fits,
                found.tails,
                pair_noise(noise, pair),
                rows.n_columns(models_of(pair)[0]),
            )
            for pair in pairs
        },
        tails=found.tails,
        noise=noise,
        expected=expected_figures(found.schemes, is_train),
        penalties=dict(found.penalties),
        splits=list(found.splits),
        controls=list(found.controls),
        checks=make_checks(rows, config, robust, found.predictions, decoded),
        n_draws=robust.n_draws,
        n_kept_draws=len(found.draws),
        dropped_draws=dict(found.dropped_draws),
        n_refits=dict(found.n_refits),
        n_day_groups=found.n_day_groups,
    )


def _pair_scores(
    pair: str,
    hypothesis: Hypothesis | None,
    robust: RobustConfig,
    found: Decompositions,
    fits: Mapping[FitName, FitScores],
    heavy: Tails,
    noise: Mapping[str, Mapping[FitName, float]],
    n_columns: int,
) -> PairScores:
    models = models_of(pair)
    is_shrunk = len(robust.alphas) > 1 and all(found.penalties[model] == max(robust.alphas) for model in models)
    figures = figures_of(hypothesis.metric, fits, pair) if hypothesis else {}
    return PairScores(
        conclusions=conclude(fits, pair, heavy, is_shrunk, noise),
        power=observed_power(found, *models, n_columns, is_shrunk),
        answer=answer(hypothesis, figures, heavy, is_shrunk, noise) if hypothesis else None,
    )
