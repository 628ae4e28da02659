"""The headline table: the reference contract's figures, then the robust ones. Also shown in Prefect's UI."""

from collections.abc import Iterable

from tasks.common.text import Row, signed
from tasks.report.tables.decomposition import FIGURES
from tasks.report.text import dropped, interval_bounds
from tasks.schemas.scores import PremiumScores, RobustScores


def headline(scores: PremiumScores) -> list[Row]:
    """All rows; without the robust ones where the recipe left them out."""
    return reference_rows(scores) + (_robust_rows(scores.robust) if scores.robust else [])


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


def _robust_rows(robust: RobustScores) -> list[Row]:
    rows = []
    between = {"premium": [robust.reduction], "disjoint": [robust.lookahead]}
    for figure in ("premium", "shared_day_effect", "disjoint", "date_disjoint", "demeaned"):
        name = "premium, purged" if figure == "premium" else FIGURES[figure][0]
        estimates = [getattr(robust.base, figure), getattr(robust.trained, figure), *between.get(figure, [])]
        rows += [
            _row(name, *(signed(estimate.point) for estimate in estimates)),
            _row(f"{name}, two-way 95 %", *(interval_bounds(estimate.two_way) for estimate in estimates)),
        ]
    rows.append(_row("rank IC", signed(robust.base.rank_ic.mean), signed(robust.trained.rank_ic.mean)))
    arms = {"base - placebo": robust.placebo_lookahead, "placebo - trained": robust.trained_against_placebo}
    rows += [_row(f"R2 disjoint, {name}", "", "", signed(found.point)) for name, found in arms.items() if found]
    rows += [_row("hypothesis", "", "", robust.answer.verdict)] if robust.answer else []
    return [*rows, *_draw_rows("two-way draws", robust)]


def _draw_rows(name: str, scores: PremiumScores | RobustScores) -> Iterable[Row]:
    kept = f"{scores.n_kept_draws} of {scores.n_draws}"
    yield _row(f"{name} kept", kept, kept)
    for why, n in dropped(scores.dropped_draws):
        yield _row(f"{name} dropped: {why}", str(n), str(n))


def _compared(figure: str, base: float, trained: float) -> Row:
    return _row(figure, signed(base), signed(trained), signed(base - trained))


def _row(figure: str, base: str, trained: str, difference: str = "") -> Row:
    return {"figure": figure, "base": base, "trained": trained, "difference": difference}
