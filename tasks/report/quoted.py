"""The headline figures as `results.json` holds them: each with interval, fit, number of rows and its artifact's digest.

A reader of results.json, and `hindsight verify`, finds each of them in the scores by the same names.
"""

from dataclasses import dataclass

from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName, Interval
from tasks.schemas.results import QuotedFigure
from tasks.schemas.scores import PremiumScores, Reduction, RobustScores

OF_MODELS = (
    *("on", "matched", "disjoint", "shared_day_effect", "date_disjoint", "off", "walk_forward"),
    *("premium", "date_disjoint_premium"),
)
OF_PAIRS = ("lookahead", "gain", "reduction", "date_disjoint_reduction", "walk_forward")
SCHEME_OF = {
    "lookahead": "disjoint",
    "gain": "off",
    "shared_day_effect": "matched",
    "premium": "on",
    "reduction": "on",
    "date_disjoint_premium": "date_disjoint",
    "date_disjoint_reduction": "date_disjoint",
}
"""The split whose test rows a difference of two splits is counted by."""


@dataclass(frozen=True)
class Quoted:
    """Reads figures of one premium artifact.

    Args:
        scores: Its content.
        digest: Its digest; None where its record is not among the report's.
    """

    scores: PremiumScores
    digest: str | None

    def everything(self) -> list[QuotedFigure]:
        """All headline figures: of pairs, of models, then the reference's."""
        robust: list[QuotedFigure] = []
        if self.scores.robust:
            robust = [
                *(own for pair in self.scores.pairs for metric in OF_PAIRS for own in self.of_pair(pair, metric)),
                *(own for model in self.scores.compared for name in OF_MODELS for own in self.of_model(model, name)),
            ]
        return [*robust, *self._reference()]

    def of_pair(self, pair: str, metric: str) -> list[QuotedFigure]:
        """One of a pair's differences under both co-primary fits."""
        robust = self._robust
        return [
            self._robust_figure(metric, pair, fit, getattr(robust.difference(pair)[fit], metric))
            for fit in _fits(robust)
        ]

    def of_model(self, model: str, name: str) -> list[QuotedFigure]:
        """One of a model's figures under both co-primary fits."""
        robust = self._robust
        return [
            self._robust_figure(name, model, fit, getattr(robust.fits[fit].models[model], name))
            for fit in _fits(robust)
        ]

    @property
    def _robust(self) -> RobustScores:
        if self.scores.robust is None:
            raise ValueError("these scores have the reference's figures alone")
        return self.scores.robust

    def _robust_figure(self, name: str, of: str, fit: FitName, found: Estimate | None) -> QuotedFigure:
        estimate = found or Estimate(point=None, why_none="scores of an earlier version do not have it")
        low, high = estimate.interval or (None, None)
        return QuotedFigure(
            figure=name,
            of=of,
            contract="robust",
            fit=fit,
            point=estimate.point,
            low=low,
            high=high,
            interval="two-way draws" if estimate.interval else "none",
            is_wide=estimate.is_wide,
            n_rows=self.n_test_rows(SCHEME_OF.get(name, name)),
            n_draws=self._robust.n_kept_draws,
            artifact=self.digest,
            why_none=estimate.why_none,
        )

    def n_test_rows(self, scheme: str) -> int | None:
        """Rows that a split scores; None in scores that do not count them."""
        return next((own.n_test_rows for own in self._robust.splits if own.name == scheme), None)

    def _reference(self) -> list[QuotedFigure]:
        scores = self.scores
        models = {name: scores.models[name] for name in scores.compared}
        return [
            *(self._reference_figure("reduction", pair, own.point, own.interval) for pair, own in self._reductions),
            *(
                self._reference_figure("premium", name, own.premium, own.premium_interval)
                for name, own in models.items()
            ),
        ]

    @property
    def _reductions(self) -> list[tuple[str, Reduction]]:
        return [(pair, self.scores.reductions[pair]) for pair in self.scores.pairs]

    def _reference_figure(self, name: str, of: str, point: float, interval: Interval) -> QuotedFigure:
        return QuotedFigure(
            figure=name,
            of=of,
            contract="reference",
            fit="unscaled",
            point=point,
            low=interval.p2_5,
            high=interval.p97_5,
            interval="stock draws",
            n_rows=self.scores.n_rows,
            n_draws=self.scores.n_kept_draws,
            artifact=self.digest,
        )


def _fits(robust: RobustScores) -> list[FitName]:
    return [fit for fit in CO_PRIMARY if fit in robust.fits]
