"""Sample robustness checks in sizes of a real run."""

from datetime import date

from tasks.schemas.checks import (
    SPANS,
    Checks,
    DayEstimate,
    Decay,
    DecayBin,
    Portfolio,
    PortfolioDifference,
    Portfolios,
    ReferenceCheck,
    ReferenceChecks,
)
from tasks.schemas.decodability import Decodability, ExplainedEffect, ProbeScore
from tasks.schemas.estimates import CO_PRIMARY, Estimate


def day_estimate(point: float, error: float, n_days: int = 417) -> DayEstimate:
    return DayEstimate(
        point=point, standard_error=error, interval=(point - 2 * error, point + 2 * error), n_days=n_days
    )


def no_estimate(why: str) -> DayEstimate:
    return DayEstimate(point=None, n_days=0, why_none=why)


def reference_checks(r2_off: float) -> ReferenceChecks:
    walk = ReferenceCheck(r2=r2_off / 2, fold_r2=[r2_off, 0, r2_off, 0, r2_off], n_train_rows=1_500, n_test_rows=500)
    none = ReferenceCheck(r2=None, fold_r2=[], n_train_rows=0, n_test_rows=0, why_none="five days are too few.")
    return ReferenceChecks(
        embargo5=ReferenceCheck(r2=r2_off, fold_r2=[r2_off], premium=0.2, n_train_rows=564, n_test_rows=31),
        walk_forward5=walk,
        walk_forward5_embargo5=none,
    )


def decay_bins() -> list[DecayBin]:
    found = [
        DecayBin(
            split="disjoint",
            span=span,
            r2=day_estimate(0.02 - 0.01 * place, 0.004, 100),
            rank_ic=day_estimate(0.05 - 0.02 * place, 0.01, 90),
            n_rows=150,
        )
        for place, span in enumerate(SPANS)
    ]
    blank = no_estimate("0 days of this span are tested, 10 are needed")
    return [*found, DecayBin(split="off", span=SPANS[0], r2=blank, rank_ic=blank, n_rows=0)]


def made_portfolio(gross: float) -> Portfolio:
    return Portfolio(
        gross=day_estimate(gross, 0.5, 400),
        net=day_estimate(gross - 0.75, 0.5, 400),
        turnover=3.62,
        n_tested_days=417,
        n_days=400,
        stocks_per_day=12.0,
        days_per_year=252.0,
    )


PORTFOLIOS = Portfolios(
    models={"base": made_portfolio(1.5), "trained": made_portfolio(0.25)},
    differences={
        "base - trained": PortfolioDifference(gross=day_estimate(1.25, 0.4, 400), net=day_estimate(1.24, 0.4, 400))
    },
)
CHECKS = Checks(
    decay={"trained": Decay(cutoff=date(2017, 7, 2), fits={fit: decay_bins() for fit in CO_PRIMARY})},
    portfolios=dict.fromkeys(CO_PRIMARY, PORTFOLIOS),
    quantile=0.2,
    cost_bps=5.0,
)


def estimate(point: float) -> Estimate:
    return Estimate(point=point, interval=(point - 0.1, point + 0.1))


EXPLAINED = ExplainedEffect(
    before=estimate(0.2), after=estimate(0.05), removed=estimate(0.15), share=0.75, share_interval=(0.55, 0.95)
)
DECODABILITY = {
    "base": Decodability(
        probes=[
            ProbeScore(
                name="day", measure="R2", held_out="days", score=0.91, interval=(0.89, 0.93), chance=0.0, n_rows=1_480
            ),
            ProbeScore(
                name="month",
                measure="accuracy",
                held_out="stocks",
                score=0.5,
                interval=(0.48, 0.52),
                chance=0.05,
                n_classes=60,
                n_rows=1_480,
            ),
            ProbeScore(
                name="stock", measure="accuracy", held_out="days", n_rows=1_480, why_none="all rows have the same stock"
            ),
        ],
        n_directions=[57, 59, 58],
        effects={
            "unscaled": EXPLAINED,
            "standardized": EXPLAINED.model_copy(
                update={"share": None, "share_interval": None, "why_none": "the effect holds zero"}
            ),
        },
        n_draws=40,
    )
}
