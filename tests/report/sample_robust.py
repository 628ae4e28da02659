"""Sample robust scores: every figure present, in sizes of a real run."""

from typing import Any

from tasks.schemas.scores import (
    Answer,
    Control,
    Estimate,
    Interval,
    ModelDecomposition,
    Power,
    RankIc,
    RobustScores,
    Sensitivity,
    SplitFacts,
)

NONE = Estimate(point=None, why_none="2 of 5 folds have no test row.")


def estimate(point: float, half_width: float = 0.06) -> Estimate:
    return Estimate(
        point=point,
        two_way=Interval(p2_5=point - half_width, p50=point - 0.004, p97_5=point + half_width),
        jackknife_se=half_width / 1.8,
        jackknife=(point - 1.16 * half_width, point + 1.16 * half_width),
    )


def parts(on_r2: float, off_r2: float, disjoint_r2: float, **changed: Any) -> ModelDecomposition:
    fields: dict[str, Any] = {
        "on": estimate(on_r2),
        "off": estimate(off_r2, 0.11),
        "date_disjoint": estimate(disjoint_r2 + 0.012, 0.04),
        "disjoint": estimate(disjoint_r2, 0.05),
        "premium": estimate(on_r2 - off_r2, 0.13),
        "shared_day_effect": estimate(on_r2 - disjoint_r2, 0.03),
        "demeaned": estimate(disjoint_r2 - 0.009, 0.045),
        "rank_ic": RankIc(mean=disjoint_r2 / 7, standard_error=0.0081, n_days=212),
    }
    return ModelDecomposition(**{**fields, **changed})


def control(name: str, what: str, r2: tuple[float, float, float, float], **changed: Any) -> Control:
    on, off, date_disjoint, disjoint = r2
    fields = {"on": on, "off": off, "date_disjoint": date_disjoint, "disjoint": disjoint}
    fields |= {"premium": on - off, "shared_day_effect": on - disjoint}
    return Control(**{"name": name, "what": what, "n_columns": 36, **fields, **changed})


CONTROLS = [
    control("numerics_only", "the panel's numeric features alone", (0.003, -0.012, -0.003, -0.004), n_columns=4),
    control("one_hot_date", "which rows share a day, and nothing else", (0.343, -0.015, -0.003, -0.005), n_columns=503),
    control("undated_prompt", "the sentences without their day", (-0.05, -0.041, -0.075, -0.079)),
    control("shuffled_rows", "the states, dealt to other rows", (-0.027, -0.062, -0.06, -0.063)),
    control("noise", "as many Gaussian columns", (-0.03, -0.033, -0.057, -0.059)),
]
SPLITS = [
    SplitFacts(name="on", n_splits=5, n_train_rows=2_400, n_test_rows=600, n_purged=0, n_violations=391),
    SplitFacts(name="off", n_splits=1, n_train_rows=567, n_test_rows=31, n_purged=2, n_violations=0),
    SplitFacts(name="date_disjoint", n_splits=5, n_train_rows=2_381, n_test_rows=600, n_purged=19, n_violations=0),
    SplitFacts(
        name="disjoint", n_splits=25, n_train_rows=9_508, n_test_rows=600, n_purged=92, n_left_out=4_800, n_violations=0
    ),
]
SENSITIVITY = [
    Sensitivity(
        name="unscaled, alpha = 1",
        base_on=-0.0416,
        base_off=-0.2601,
        trained_on=-0.0541,
        trained_off=-0.1932,
        reduction=0.0794,
    ),
    Sensitivity(
        name="standardized, alpha by purged CV",
        base_on=0.0012,
        base_off=-0.0103,
        trained_on=0.0018,
        trained_off=-0.0095,
        reduction=0.0002,
        alphas=[1_000.0] * 9 + [10_000.0] * 3,
    ),
]
ANSWER = Answer(
    statement="training on text up to 2017-07-02 lowers the premium by a twentieth of R2",
    metric="reduction",
    at_least=0.05,
    estimate=estimate(0.0794, 0.19),
    verdict="undecided",
    reason="the two-way 95 % interval from -0.1106 to 0.2694 lies across 0.05.",
)


def made_robust(**changed: Any) -> RobustScores:
    fields: dict[str, Any] = {
        "base": parts(-0.0416, -0.2601, -0.0702),
        "trained": parts(-0.0541, -0.1932, -0.0724),
        "reduction": estimate(0.0794, 0.19),
        "lookahead": estimate(0.0022, 0.017),
        "splits": SPLITS,
        "controls": CONTROLS,
        "sensitivity": SENSITIVITY,
        "power": Power(half_width=0.21, smallest_detectable=0.3, n_columns=32, n_draws=50),
        "answer": ANSWER,
        "n_draws": 1_000,
        "n_kept_draws": 989,
        "dropped_draws": {"too_few_rows": 9, "undefined_r2": 2},
        "n_day_groups": 20,
    }
    return RobustScores(**{**fields, **changed})


def with_placebo(**changed: Any) -> RobustScores:
    """The same run with a third arm."""
    arms = {
        "placebo": parts(-0.0502, -0.2011, -0.0718),
        "placebo_lookahead": estimate(0.0016, 0.016),
        "trained_against_placebo": estimate(0.0006, 0.014),
    }
    return made_robust(**{**arms, **changed})
