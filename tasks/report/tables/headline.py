"""The headline table: lookahead and gain, then premiums and the reference's figures. Also shown in Prefect's UI."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tasks.common.text import Row, bounds, signed
from tasks.report.tables.decomposition import FIGURES, OTHER_PAIRS, SCHEME_OF
from tasks.report.text import dropped, interval_bounds
from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName
from tasks.schemas.scores import PremiumScores, RobustScores, models_of

FIGURE, DIFFERENCE = "figure", "difference"
"""Columns beside those of the models; with several pairs each has a column of its own name."""


def headline(scores: PremiumScores) -> list[Row]:
    """All rows, the headline figures first; without the robust ones where the recipe left them out.

    Columns are the figure, the compared models and their differences.
    """
    if scores.robust is None:
        return reference_rows(scores)
    robust = scores.robust
    return [*_headline_rows(scores, robust), *_robust_rows(scores, robust), *reference_rows(scores)]


def reference_rows(scores: PremiumScores) -> list[Row]:
    """Premium with its interval from stock draws, R2 on and off, and the number of draws."""
    models = {name: scores.models[name] for name in scores.compared}
    reductions = {pair: scores.reductions[pair] for pair in scores.pairs}
    intervals = {name: own.premium_interval for name, own in models.items()}
    between = {pair: found.interval for pair, found in reductions.items()}

    def compared(name: str, figure: str) -> Row:
        found = {model: getattr(own, figure) for model, own in models.items()}
        apart = {pair: found[one] - found[other] for pair in scores.pairs for one, other in [models_of(pair)]}
        return _row(scores, name, _signed(found), _signed(apart))

    premiums = {name: own.premium for name, own in models.items()}
    by_all = {name: interval_bounds(own) for name, own in {**intervals, **between}.items()}
    medians = {name: signed(own.p50) for name, own in {**intervals, **between}.items()}
    return [
        _row(scores, "premium", _signed(premiums), _signed({pair: own.point for pair, own in reductions.items()})),
        _row(scores, "premium, 95 % of stock draws", by_all, by_all),
        _row(scores, "premium, median stock draw", medians, medians),
        compared("R2 on: stock-disjoint folds", "r2_on"),
        compared("R2 off: days after the cut", "r2_off"),
        *_draw_rows(scores, "stock draws", scores),
    ]


def _headline_rows(scores: PremiumScores, robust: RobustScores) -> Iterator[Row]:
    """Verdict of each headline figure, and the R2s it is a difference of, under each co-primary fit."""
    for metric, figure in {"lookahead": "disjoint", "gain": "off"}.items():
        verdicts = {
            pair: own.conclusions[metric].verdict for pair, own in robust.pairs.items() if metric in own.conclusions
        }
        if verdicts:
            yield _row(scores, metric, {}, verdicts)
        for fit in CO_PRIMARY:
            yield from _figure_rows(scores, robust, f"{metric}: {SCHEME_OF[metric]}, {fit}", figure, metric, fit)
    if answers := {pair: own.answer.verdict for pair, own in robust.pairs.items() if own.answer}:
        yield _row(scores, "hypothesis", {}, answers)


def _robust_rows(scores: PremiumScores, robust: RobustScores) -> Iterator[Row]:
    """Premium with its reduction and the shared-day effect, under each co-primary fit."""
    for figure, metric in {"premium": "reduction", "shared_day_effect": ""}.items():
        for fit in CO_PRIMARY:
            yield from _figure_rows(scores, robust, f"{FIGURES[figure][0]}, {fit}", figure, metric, fit)
    for pair in OTHER_PAIRS:
        if pair not in scores.pairs and (found := robust.fits["standardized"].differences.get(pair)):
            point = {scores.pairs[0]: signed(found.lookahead.point)}
            yield _row(scores, f"R2 disjoint, {pair}, standardized", {}, point)
    for fit in CO_PRIMARY:
        own = robust.fits[fit].models
        ranks = {name: signed(rank.mean if (rank := own[name].rank_ic) else None) for name in scores.compared}
        yield _row(scores, f"rank IC, {fit}", ranks)
    yield from _draw_rows(scores, "two-way draws", robust)


def _figure_rows(
    scores: PremiumScores, robust: RobustScores, name: str, figure: str, metric: str, fit: FitName
) -> Iterator[Row]:
    of_models: dict[str, Estimate] = {
        model: getattr(robust.fits[fit].models[model], figure) for model in scores.compared
    }
    apart = {pair: getattr(robust.difference(pair)[fit], metric) for pair in scores.pairs if metric}
    points = ({key: signed(own.point) for key, own in found.items()} for found in (of_models, apart))
    ends = ({key: bounds(own.interval) for key, own in found.items()} for found in (of_models, apart))
    yield _row(scores, name, *points)
    yield _row(scores, f"{name}, 95 %", *ends)


def _draw_rows(scores: PremiumScores, name: str, drawn: PremiumScores | RobustScores) -> Iterable[Row]:
    kept = f"{drawn.n_kept_draws} of {drawn.n_draws}"
    yield _row(scores, f"{name} kept", dict.fromkeys(scores.compared, kept))
    for why, n in dropped(drawn.dropped_draws):
        yield _row(scores, f"{name} dropped: {why}", dict.fromkeys(scores.compared, str(n)))


def _signed(found: Mapping[str, float]) -> dict[str, str]:
    return {name: signed(value) for name, value in found.items()}


def _row(
    scores: PremiumScores, figure: str, of_models: Mapping[str, str], apart: Mapping[str, str] | None = None
) -> Row:
    differences = {_column(scores.pairs, pair): (apart or {}).get(pair, "") for pair in scores.pairs}
    return {FIGURE: figure, **{name: of_models.get(name, "") for name in scores.compared}, **differences}


def _column(pairs: Sequence[str], pair: str) -> str:
    return DIFFERENCE if len(pairs) == 1 else pair
