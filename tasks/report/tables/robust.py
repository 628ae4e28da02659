"""Controls, splits, refits, power and the hypothesis as rows and sentences."""

from collections.abc import Mapping, Sequence

from tasks.common.text import Row, signed
from tasks.report.tables.decomposition import Relation, names_of
from tasks.report.text import Table, reasons, spaced
from tasks.schemas.estimates import FitName
from tasks.schemas.scores import Control, ControlFigures, PairScores, SplitFacts

KNOWS_NOTHING = "one_hot_date"
"""The control that cannot know anything about the future, even if it earns a premium."""
SCHEMES = {
    "on": "stock-disjoint (on)",
    "off": "chronological, purged (off)",
    "date_disjoint": "date-disjoint, purged",
    "disjoint": "stock- and date-disjoint, purged",
    "matched": "stock-disjoint, as many rows as disjoint (matched)",
    "walk_forward": "walk-forward, purged",
}
CONTROL_NAMES = {
    "one_hot_date": "one-hot date",
    "undated_prompt": "prompt without date",
    "noise": "noise of equal width",
}
CONTROL_FIGURES = {
    "on": "on",
    "matched": "matched",
    "disjoint": "disjoint",
    "shared_day_effect": "shared-day effect",
    "off": "off",
    "premium": "premium",
}
SPLIT_COUNTS = ("n_splits", "n_train_rows", "n_test_rows", "n_purged", "n_left_out", "n_violations")
SOURCES = {
    "draws": "two-way draws of the figure itself",
    "states": "the first model's own states",
    "noise": "noise, an order of magnitude",
}


def control_name(control: Control) -> str:
    """A control's name in words."""
    return CONTROL_NAMES.get(control.name, spaced(control.name))


def controls(found: Sequence[Control], fit: FitName) -> Table[Row]:
    """A row per control with its R2s under one fit, its meaning and an optional mark."""
    rows, missing = [], []
    for control in found:
        own = control.fits.get(fit, ControlFigures())
        figures = {name: getattr(own, figure) for figure, name in CONTROL_FIGURES.items()}
        rows.append(
            {
                "control": control_name(control),
                "meaning": control.what,
                "mark": "cannot know the future" if control.name == KNOWS_NOTHING else "",
                "columns": f"{control.n_columns:,}",
                **{name: signed(figure) for name, figure in figures.items()},
            }
        )
        if blank := [name for name, figure in figures.items() if figure is None]:
            missing.append((f"{control_name(control)} ({', '.join(blank)})", control.why_none))
    return Table(rows, reasons(missing))


def splits(found: Sequence[SplitFacts]) -> list[Row]:
    """How each splitter divided the rows."""
    return [
        {
            "splitter": SCHEMES.get(facts.name, spaced(facts.name)),
            **{spaced(count): f"{getattr(facts, count):,}" for count in SPLIT_COUNTS},
        }
        for facts in found
    ]


def refits(n_refits: Mapping[str, int]) -> list[str]:
    """A sentence per model whose sums of products were too ill-conditioned for some fits."""
    return [
        f"{model}: {n:,} fits were corrected on the rows, as their sums of products are too ill-conditioned."
        for model, n in n_refits.items()
        if n > 0
    ]


def power(pairs: Mapping[str, PairScores]) -> list[Row]:
    """The smallest detectable effect of each figure under each co-primary fit, and what it is estimated from."""
    return [
        {
            **({"pair": pair} if len(pairs) > 1 else {}),
            "figure": own.metric,
            "fit": own.fit,
            "half-width": f"{own.half_width:.4f}",
            "smallest detectable": f"{own.smallest_detectable:.4f}",
            "from": f"{SOURCES[own.source]} ({own.n_draws:,}, {own.n_columns:,} columns)",
        }
        for pair, scores in pairs.items()
        for own in scores.power
    ]


def metric_name(metric: str, pair: str, relation: Relation) -> str:
    """The metric of a hypothesis in words."""
    names = {
        "reduction": "reduction of the premium",
        **names_of(pair, relation),
        "premium_base": "premium of the base model",
        "premium_trained": "premium of the trained model",
        "shared_day_effect_base": "shared-day effect of the base model",
    }
    return names.get(metric, spaced(metric))
