"""Robustness checks: the reference's own; walk-forward and date-disjoint premium; decay; and the portfolio."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from tasks.common.text import DASH, Row, bounds, signed
from tasks.report.tables.decodability import DecodabilitySection, decodability_section
from tasks.report.tables.decomposition import difference_by_fit, estimate_row, figures_by_fit, missing_of, models_of
from tasks.report.text import Cell, EstimateRow, Missing, Table, reasons
from tasks.schemas.checks import Checks, DayEstimate, DecayBin, NumericalNoise, Portfolio, Portfolios, ReferenceCheck
from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName
from tasks.schemas.scores import PremiumScores, RobustScores

REFERENCE = {
    "embargo5": "R2 off, embargo of five days",
    "walk_forward5": "R2 walk-forward, five folds",
    "walk_forward5_embargo5": "R2 walk-forward, embargo of five days",
}
OF_MODELS = {
    "walk_forward": ("R2 walk-forward", "each fold fitted on all days before it, purged"),
    "date_disjoint_premium": ("premium, date-disjoint", "R2 date-disjoint - R2 off: no stock-disjoint folds in it"),
}
OF_PAIRS = {
    "walk_forward": ("R2 walk-forward", "difference of the two models"),
    "date_disjoint_reduction": ("reduction, date-disjoint", "difference of their date-disjoint premiums"),
}
NOISE_COLUMNS: dict[tuple[str, FitName], str] = {
    (figure, fit): f"{name}, {fit}"
    for figure, name in {"disjoint": "R2 disjoint", "off": "R2 off", "premium": "premium"}.items()
    for fit in CO_PRIMARY
}
COUNTED = {"walk_forward": "walk-forward", "date_disjoint": "date-disjoint", "off": "off"}


@dataclass(frozen=True)
class ChecksSection:
    """What the section shows; a table whose figures were left out is None, with the reason beside it."""

    splits: Table[EstimateRow]
    counts: str
    decay: Mapping[str, Table[EstimateRow]]
    cutoffs: Mapping[str, str]
    columns: list[str]
    portfolio: Table[EstimateRow] | None
    portfolio_columns: list[str]
    why_no_portfolio: str
    quantile: str
    cost: str
    noise: Table[Row] | None
    noise_columns: list[str]
    decodability: DecodabilitySection | None


def checks_section(robust: RobustScores) -> ChecksSection | None:
    """The robustness checks beyond the reference's; None for scores of an earlier version."""
    checks = robust.checks
    if checks is None:
        return None
    fits = list(next(iter(checks.decay.values())).fits) if checks.decay else []
    return ChecksSection(
        splits=_splits(robust),
        counts=_counts(robust),
        decay={model: _decay(found.fits) for model, found in checks.decay.items()},
        cutoffs={model: f"{found.cutoff}" for model, found in checks.decay.items()},
        columns=[f"{figure}, {fit}" for fit in fits for figure in ("R2", "rank IC")],
        portfolio=_portfolio(checks) if checks.portfolios else None,
        portfolio_columns=[f"{kind}, {fit}" for fit in checks.portfolios for kind in ("gross", "net")],
        why_no_portfolio=checks.why_no_portfolio,
        quantile=f"{checks.quantile or 0:.0%}",
        cost=f"{checks.cost_bps or 0:g}",
        noise=_noise(robust.noise) if robust.noise else None,
        noise_columns=["rows", "states, largest", "states, mean", *NOISE_COLUMNS.values()],
        decodability=decodability_section(checks.decodability),
    )


def reference_checks(scores: PremiumScores) -> Table[Row]:
    """The reference's own checks, a column per model; no rows in scores of an earlier version."""
    found = {model: own.checks for model, own in scores.models.items() if own.checks}
    rows, missing = [], []
    for field, name in REFERENCE.items() if found else ():
        by_model: dict[str, ReferenceCheck] = {model: getattr(own, field) for model, own in found.items()}
        missing += [(f"{name} of {model}", own.why_none) for model, own in by_model.items() if own.r2 is None]
        rows.append(_reference_row(name, {model: own.r2 for model, own in by_model.items()}, by_model))
        if field == "embargo5":
            premiums = {model: own.premium for model, own in by_model.items()}
            rows.append(_reference_row("premium, embargo of five days", premiums, by_model))
        else:
            means = {model: _mean(own) for model, own in by_model.items()}
            rows.append(_reference_row(f"{name}, mean of folds", means, by_model))
    return Table(rows, reasons(missing))


def _reference_row(name: str, figures: Mapping[str, float | None], checks: Mapping[str, ReferenceCheck]) -> Row:
    counted = next(iter(checks.values()))
    return {
        "check": name,
        **{model: signed(figure) for model, figure in figures.items()},
        "train rows": f"{counted.n_train_rows:,}",
        "test rows": f"{counted.n_test_rows:,}",
    }


def _mean(check: ReferenceCheck) -> float | None:
    folds = [r2 for r2 in check.fold_r2 if r2 is not None]
    return fmean(folds) if folds and len(folds) == len(check.fold_r2) else None


def _noise(noise: Mapping[str, NumericalNoise]) -> Table[Row]:
    rows = [
        {
            "model": model,
            "second time": own.settings,
            "rows": f"{own.n_rows:,} of {own.n_panel_rows:,}",
            "states, largest": _size(own.largest_relative_difference),
            "states, mean": _size(own.mean_relative_difference),
            **{
                column: _size(own.figures[fit][figure] if own.figures else None)
                for (figure, fit), column in NOISE_COLUMNS.items()
            },
        }
        for model, own in noise.items()
    ]
    return Table(rows, reasons((f"figures of {model}", own.why_none) for model, own in noise.items() if own.why_none))


def _size(number: float | None) -> str:
    return DASH if number is None else f"{number:.1e}"


def _splits(robust: RobustScores) -> Table[EstimateRow]:
    found = list(_split_figures(robust))
    rows = [estimate_row(figure, name, meaning, by_fit) for figure, name, meaning, by_fit in found]
    return Table(rows, reasons(line for figure, name, _, by_fit in found for line in missing_of(figure, name, by_fit)))


def _split_figures(robust: RobustScores) -> Iterator[tuple[str, str, str, dict[FitName, Estimate]]]:
    for model in models_of(robust):
        by_fit = {fit: own.models[model] for fit, own in robust.fits.items()}
        for figure, (name, meaning) in OF_MODELS.items():
            yield figure, f"{name}, {model}", meaning, figures_by_fit(by_fit, figure)
    for pair in next(iter(robust.fits.values())).differences:
        for figure, (name, meaning) in OF_PAIRS.items():
            yield figure, f"{name}, {pair}", meaning, difference_by_fit(robust.fits, pair, figure)


def _counts(robust: RobustScores) -> str:
    facts = {own.name: own for own in robust.splits}
    return "; ".join(
        f"{name} {facts[scheme].n_test_rows:,} rows on {facts[scheme].n_test_days:,} days"
        for scheme, name in COUNTED.items()
        if scheme in facts and facts[scheme].n_test_days is not None
    )


def _decay(fits: Mapping[FitName, list[DecayBin]]) -> Table[EstimateRow]:
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for bins in zip(*fits.values(), strict=True):
        name = f"{bins[0].span}, {bins[0].split}"
        rows.append(
            (name, f"{bins[0].n_rows:,} rows", [_cell(own) for found in bins for own in (found.r2, found.rank_ic)])
        )
        missing += _missing(name, [("R2", bins[0].r2), ("rank IC", bins[0].rank_ic)])
    return Table(rows, reasons(missing))


def _portfolio(checks: Checks) -> Table[EstimateRow]:
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    by_fit: list[Portfolios] = list(checks.portfolios.values())
    for model, first in by_fit[0].models.items():
        own = [found.models[model] for found in by_fit]
        meaning = f"{first.n_tested_days:,} days tested, {first.stocks_per_day:g} stocks on the median day"
        rows.append((model, meaning, [cell for found in own for cell in _portfolio_cells(found)]))
        missing += _missing(model, [("Sharpe ratio", found.gross) for found in own])
    for pair in by_fit[0].differences:
        apart = [found.differences[pair] for found in by_fit]
        cells = [_ratio_cell(one) for found in apart for one in (found.gross, found.net)]
        rows.append((pair, "difference, paired by day", cells))
        missing += _missing(pair, [("Sharpe ratio", found.gross) for found in apart])
    return Table(rows, reasons(missing))


def _portfolio_cells(found: Portfolio) -> list[Cell]:
    turnover = [] if found.turnover is None else [f"turnover {found.turnover:.2f} a day"]
    return [_ratio_cell(found.gross), [*_ratio_cell(found.net), *turnover]]


def _cell(found: DayEstimate) -> Cell:
    if found.point is None:
        return [DASH]
    return [signed(found.point), bounds(found.interval), f"{found.n_days:,} days"]


def _ratio_cell(found: DayEstimate) -> Cell:
    """Two decimals: a Sharpe ratio's error is tenths."""
    if found.point is None or found.interval is None:
        return [DASH]
    low, high = found.interval
    return [f"{found.point:+z.2f}", f"[{low:+z.2f}, {high:+z.2f}]", f"{found.n_days:,} days"]


def _missing(name: str, figures: list[tuple[str, DayEstimate]]) -> Iterator[Missing]:
    for figure, found in figures:
        if found.point is None:
            yield f"{figure} of {name}", found.why_none
