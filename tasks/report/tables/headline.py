"""The headline table: lookahead and gain, then premiums and the reference's figures. Also shown in Prefect's UI."""

from collections.abc import Iterable, Iterator

from tasks.common.text import Row, bounds, signed
from tasks.report.tables.decomposition import FIGURES, OTHER_PAIRS, SCHEME_OF
from tasks.report.text import dropped, interval_bounds
from tasks.schemas.estimates import CO_PRIMARY, FitName
from tasks.schemas.scores import PremiumScores, RobustScores

MODELS = ("base", "trained")
"""Columns of the table."""


def headline(scores: PremiumScores) -> list[Row]:
    """All rows, the headline figures first; without the robust ones where the recipe left them out."""
    if scores.robust is None:
        return reference_rows(scores)
    return [*_headline_rows(scores.robust), *_robust_rows(scores.robust), *reference_rows(scores)]


def reference_rows(scores: PremiumScores) -> list[Row]:
    """Premium with its interval from stock draws, R2 on and off, and the number of draws."""
    base, trained = scores.base, scores.trained
    intervals = (base.premium_interval, trained.premium_interval, scores.reduction_interval)
    return [
        _row("premium", *map(signed, (base.premium, trained.premium, scores.premium_reduction))),
        _row("premium, 95 % of stock draws", *map(interval_bounds, intervals)),
        _row("premium, median stock draw", *(signed(interval.p50) for interval in intervals)),
        _compared("R2 on: stock-disjoint folds", base.r2_on, trained.r2_on),
        _compared("R2 off: days after the cut", base.r2_off, trained.r2_off),
        *_draw_rows("stock draws", scores),
    ]


def _headline_rows(robust: RobustScores) -> Iterator[Row]:
    """Verdict of each headline figure, and the R2s it is a difference of, under each co-primary fit."""
    for metric, figure in {"lookahead": "disjoint", "gain": "off"}.items():
        if found := robust.conclusions.get(metric):
            yield _row(metric, "", "", found.verdict)
        for fit in CO_PRIMARY:
            yield from _figure_rows(robust, f"{metric}: {SCHEME_OF[metric]}, {fit}", figure, metric, fit)
    if robust.answer:
        yield _row("hypothesis", "", "", robust.answer.verdict)


def _robust_rows(robust: RobustScores) -> Iterator[Row]:
    """Premium with its reduction and the shared-day effect, under each co-primary fit."""
    for figure, metric in {"premium": "reduction", "shared_day_effect": ""}.items():
        for fit in CO_PRIMARY:
            yield from _figure_rows(robust, f"{FIGURES[figure][0]}, {fit}", figure, metric, fit)
    for pair in OTHER_PAIRS:
        if found := robust.fits["standardized"].differences.get(pair):
            yield _row(f"R2 disjoint, {pair}, standardized", "", "", signed(found.lookahead.point))
    for fit in CO_PRIMARY:
        ranks = [robust.fits[fit].models[model].rank_ic for model in MODELS]
        yield _row(f"rank IC, {fit}", *(signed(rank.mean if rank else None) for rank in ranks))
    yield from _draw_rows("two-way draws", robust)


def _figure_rows(robust: RobustScores, name: str, figure: str, metric: str, fit: FitName) -> Iterator[Row]:
    estimates = [getattr(robust.fits[fit].models[model], figure) for model in MODELS]
    estimates += [getattr(robust.headline[fit], metric)] if metric else []
    yield _row(name, *(signed(estimate.point) for estimate in estimates))
    yield _row(f"{name}, 95 %", *(bounds(estimate.interval) for estimate in estimates))


def _draw_rows(name: str, scores: PremiumScores | RobustScores) -> Iterable[Row]:
    kept = f"{scores.n_kept_draws} of {scores.n_draws}"
    yield _row(f"{name} kept", kept, kept)
    for why, n in dropped(scores.dropped_draws):
        yield _row(f"{name} dropped: {why}", str(n), str(n))


def _compared(figure: str, base: float, trained: float) -> Row:
    return _row(figure, signed(base), signed(trained), signed(base - trained))


def _row(figure: str, base: str, trained: str, difference: str = "") -> Row:
    return {"figure": figure, "base": base, "trained": trained, "difference": difference}
