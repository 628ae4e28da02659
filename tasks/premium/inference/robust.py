"""The stage's robust scores: every fit's figures, the headline's conclusions, power and the answer to a hypothesis."""

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.decompose import Decompositions
from tasks.premium.inference.known_truth import expected_figures
from tasks.premium.inference.power import observed_power
from tasks.premium.inference.targets import tails
from tasks.premium.inference.verdict import answer, conclude, figures_of
from tasks.premium.rows import Rows
from tasks.schemas.estimates import FITS
from tasks.schemas.scores import RobustScores


def robust_scores(rows: Rows, config: PremiumConfig, robust: RobustConfig, found: Decompositions) -> RobustScores:
    """Shape the models' decompositions into the stage's scores, with conclusions, power and the answer.

    Args:
        rows: The panel with the states of `base`, `trained` and, where there is one, `placebo`.
        config: Penalty and seed, and the hypothesis if there is one.
        robust: Draws.
        found: The decompositions of these rows.
    """
    is_train = rows.is_train(config.train_until)
    fits = {fit: found.fit(fit) for fit in FITS}
    heavy = tails(rows.target, rows.labels["date"], ~is_train)
    hypothesis = config.hypothesis
    is_shrunk = len(robust.alphas) > 1 and all(
        found.penalties[model] == max(robust.alphas) for model in ("base", "trained")
    )
    return RobustScores(
        fits=fits,
        conclusions=conclude(fits, heavy, is_shrunk),
        tails=heavy,
        expected=expected_figures(found.schemes, is_train),
        penalties=dict(found.penalties),
        splits=list(found.splits),
        power=observed_power(found, "base", "trained", rows.columns("base").shape[1], is_shrunk),
        controls=list(found.controls),
        answer=answer(hypothesis, figures_of(hypothesis.metric, fits), heavy, is_shrunk) if hypothesis else None,
        n_draws=robust.n_draws,
        n_kept_draws=len(found.draws),
        dropped_draws=dict(found.dropped_draws),
        n_refits=dict(found.n_refits),
        n_day_groups=found.n_day_groups,
    )
