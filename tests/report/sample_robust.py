"""Sample robust scores: every figure present, in sizes of a real run. Verdict and answer are the stage's own."""

from collections.abc import Mapping
from typing import Any

from tasks.premium.config import Hypothesis
from tasks.premium.inference.verdict import answer, conclude, figures_of
from tasks.schemas.estimates import (
    CO_PRIMARY,
    FITS,
    Estimate,
    FitName,
    FitScores,
    Interval,
    ModelDecomposition,
    ModelDifference,
    RankIc,
)
from tasks.schemas.scores import (
    HEADLINE_PAIR,
    Answer,
    Control,
    ControlFigures,
    Expected,
    PairScores,
    Power,
    RobustScores,
    SplitFacts,
    Tails,
)
from tests.report.sample_checks import CHECKS

NONE = Estimate(point=None, why_none="2 of 5 folds have no test row.")
Four = tuple[float, float, float, float]
"""R2 on, off, matched and disjoint."""
R2: dict[str, dict[FitName, Four]] = {
    "base": {
        "unscaled": (-0.0416, -0.2601, -0.0431, -0.0602),
        "standardized": (0.0412, 0.0105, 0.0401, 0.0183),
        "winsorized": (0.0437, 0.0121, 0.0425, 0.0192),
        "day_rank": (0.0288, 0.0214, 0.0285, 0.0209),
    },
    "trained": {
        "unscaled": (-0.0541, -0.1932, -0.0566, -0.0833),
        "standardized": (0.0301, 0.0021, 0.0296, 0.0061),
        "winsorized": (0.0318, 0.0034, 0.0309, 0.0068),
        "day_rank": (0.0093, 0.0072, 0.0094, 0.0075),
    },
    "placebo": {
        "unscaled": (-0.0502, -0.2011, -0.0517, -0.0718),
        "standardized": (0.0362, 0.0058, 0.0349, 0.0119),
        "winsorized": (0.0371, 0.0069, 0.0362, 0.0127),
        "day_rank": (0.0181, 0.0136, 0.0178, 0.0139),
    },
}


def estimate(point: float, half_width: float = 0.06) -> Estimate:
    return Estimate(
        point=point,
        interval=(point - half_width, point + half_width),
        two_way=Interval(p2_5=point - 1.1 * half_width, p50=point - 0.004, p97_5=point + 0.9 * half_width),
        jackknife_se=half_width / 1.8,
        jackknife=(point - 1.16 * half_width, point + 1.16 * half_width),
    )


def parts(r2: Four, ranked: bool = False, **changed: Any) -> ModelDecomposition:
    on, off, matched, disjoint = r2
    fields: dict[str, Any] = {
        "on": estimate(on),
        "off": estimate(off, 0.11),
        "date_disjoint": estimate(disjoint + 0.012, 0.04),
        "disjoint": estimate(disjoint, 0.05),
        "matched": estimate(matched, 0.05),
        "walk_forward": estimate(off - 0.01, 0.07),
        "premium": estimate(on - off, 0.13),
        "date_disjoint_premium": estimate(disjoint + 0.012 - off, 0.12),
        "shared_day_effect": estimate(matched - disjoint, 0.03),
        "rank_ic": RankIc(mean=disjoint / 7, standard_error=0.0081, n_days=212) if ranked else None,
    }
    return ModelDecomposition(**{**fields, **changed})


def difference(one: Four, other: Four, scale: float = 1.0) -> ModelDifference:
    """Of two models' R2s; its intervals are wide where the columns are unscaled."""
    reduction = (one[0] - one[1]) - (other[0] - other[1])
    return ModelDifference(
        lookahead=estimate(one[3] - other[3], 0.0075 * scale),
        gain=estimate(one[1] - other[1], 0.0061 * scale),
        reduction=estimate(reduction, 0.009 * scale),
        date_disjoint_reduction=estimate(one[3] - one[1] - other[3] + other[1], 0.008 * scale),
        walk_forward=estimate(one[1] - other[1], 0.005 * scale),
    )


def made_fit(fit: FitName, models: tuple[str, ...] = ("base", "trained"), **changed: ModelDecomposition) -> FitScores:
    pairs = [(one, other) for place, one in enumerate(models) for other in models[place + 1 :]]
    scale = 2.6 if fit == "unscaled" else 1.0
    own = {name: parts(R2[name][fit], ranked=fit in CO_PRIMARY) for name in models}
    return FitScores(
        models=own | changed,
        differences={f"{one} - {other}": difference(R2[one][fit], R2[other][fit], scale) for one, other in pairs},
    )


def made_fits(*models: str) -> dict[FitName, FitScores]:
    return {fit: made_fit(fit, models or ("base", "trained")) for fit in FITS}


def with_difference(pair: str = "base - trained", **changed: Estimate) -> dict[FitName, FitScores]:
    """The sample's fits with other figures of one difference, the same under every fit."""
    return {
        fit: scores.model_copy(
            update={"differences": scores.differences | {pair: scores.differences[pair].model_copy(update=changed)}}
        )
        for fit, scores in made_fits().items()
    }


def control(
    name: str, what: str, r2: Four, standardized: Four = (0.001, -0.002, 0.001, -0.001), **changed: Any
) -> Control:
    fits: Mapping[FitName, Four] = {fit: r2 if fit == "unscaled" else standardized for fit in FITS}
    figures = {fit: control_figures(own) for fit, own in fits.items()}
    return Control(**{"name": name, "what": what, "n_columns": 36, "fits": figures, **changed})


def control_figures(r2: Four, **changed: Any) -> ControlFigures:
    on, off, matched, disjoint = r2
    fields = {"on": on, "off": off, "matched": matched, "disjoint": disjoint, "date_disjoint": disjoint + 0.001}
    return ControlFigures(**(fields | {"premium": on - off, "shared_day_effect": matched - disjoint} | changed))


CONTROLS = [
    control("numerics_only", "the panel's numeric features alone", (0.003, -0.012, 0.002, -0.004), n_columns=4),
    control(
        "one_hot_date",
        "which rows share a day, and nothing else",
        (0.343, -0.015, 0.342, -0.005),
        (0.012, -0.001, 0.011, -0.001),
        n_columns=503,
    ),
    control("undated_prompt", "the sentences without their day", (-0.05, -0.041, -0.052, -0.079)),
    control("shuffled_rows", "the states, dealt to other rows", (-0.027, -0.062, -0.055, -0.063)),
    control("noise", "as many Gaussian columns", (-0.03, -0.033, -0.051, -0.059)),
]
SPLITS = [
    SplitFacts(name="on", n_splits=5, n_train_rows=2_400, n_test_rows=600, n_purged=0, n_violations=391),
    SplitFacts(name="off", n_splits=1, n_train_rows=567, n_test_rows=31, n_purged=2, n_violations=0),
    SplitFacts(name="date_disjoint", n_splits=5, n_train_rows=2_381, n_test_rows=600, n_purged=19, n_violations=0),
    SplitFacts(
        name="disjoint", n_splits=25, n_train_rows=9_508, n_test_rows=600, n_purged=92, n_left_out=4_800, n_violations=0
    ),
    SplitFacts(
        name="walk_forward",
        n_splits=5,
        n_train_rows=1_480,
        n_test_rows=500,
        n_test_days=417,
        n_purged=20,
        n_violations=0,
    ),
    SplitFacts(name="matched", n_splits=10, n_train_rows=3_803, n_test_rows=600, n_purged=0, n_violations=612),
]
EXPECTED = [
    Expected(figure="on", nothing=0, up_to_the_cut=0.899, beyond=1),
    Expected(figure="off", nothing=0, up_to_the_cut=-1, beyond=1),
    Expected(figure="disjoint", nothing=0, up_to_the_cut=0.861, beyond=1),
    Expected(figure="premium", nothing=0, up_to_the_cut=1.899, beyond=0),
    Expected(figure="lookahead", nothing=1, up_to_the_cut=0.139, beyond=0),
    Expected(figure="gain", nothing=1, up_to_the_cut=2, beyond=0),
    Expected(figure="reduction", nothing=0, up_to_the_cut=-1.899, beyond=0),
]
TAILS = Tails(largest_day=0.094, n_days=21, five_largest_rows=0.041)
HEAVY = Tails(
    largest_day=0.61,
    n_days=250,
    five_largest_rows=0.13,
    warning="of the sum of squares after the cut the largest day, 2021-01-27, carries 61% and the five largest rows "
    "carry 13%",
)
HYPOTHESIS = Hypothesis(
    statement="Training on text up to 2017-07-02 takes a hundredth of R2 out of the model.",
    metric="lookahead",
    at_least=0.01,
    assumed_effect=0.02,
)


def made_answer(fits: dict[FitName, FitScores], **changed: Any) -> Answer:
    hypothesis = HYPOTHESIS.model_copy(update=changed)
    return answer(hypothesis, figures_of(hypothesis.metric, fits, HEADLINE_PAIR), TAILS)


def made_power(metric: str, fit: FitName, half_width: float) -> Power:
    """80 % power at 2.8 standard errors, a half-width at 1.96."""
    return Power(
        metric=metric,
        fit=fit,
        source="draws",
        half_width=half_width,
        smallest_detectable=2.8 / 1.96 * half_width,
        n_columns=36,
        n_draws=196,
    )


def made_robust(**changed: Any) -> RobustScores:
    fits = changed.get("fits") or made_fits()
    tails = changed.get("tails", TAILS)
    half_widths = {"lookahead": 0.0075, "gain": 0.0061, "reduction": 0.009}
    fields: dict[str, Any] = {
        "fits": fits,
        "tails": tails,
        "expected": EXPECTED,
        "penalties": {"base": 1e3, "trained": 1e4},
        "splits": SPLITS,
        "controls": CONTROLS,
        "checks": CHECKS,
        "n_draws": 200,
        "n_kept_draws": 196,
        "dropped_draws": {"undefined_off": 3, "undefined_disjoint": 1},
        "n_refits": {"base": 0, "trained": 12},
        "n_day_groups": 20,
    }
    if "pairs" in changed:
        return RobustScores(**{**fields, **changed})
    concluded: dict[str, Any] = {
        "conclusions": conclude(fits, HEADLINE_PAIR, tails, is_shrunk=False),
        "power": [
            made_power(metric, fit, half_width * (2.6 if fit == "unscaled" else 1.0))
            for metric, half_width in half_widths.items()
            for fit in CO_PRIMARY
        ],
        "answer": made_answer(fits),
    }
    own = {name: changed.pop(name, value) for name, value in concluded.items()}
    return RobustScores(**{**fields, "pairs": {HEADLINE_PAIR: PairScores(**own)}, **changed})


def with_placebo(**changed: Any) -> RobustScores:
    """The same run with a third arm."""
    return made_robust(**{"fits": made_fits("base", "placebo", "trained"), **changed})
