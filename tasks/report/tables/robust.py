"""Controls, splits, sensitivity, power and the hypothesis as rows and sentences."""

from collections import Counter
from collections.abc import Sequence

from tasks.common.text import Row, signed
from tasks.report.tables.decomposition import lookahead_name
from tasks.report.text import Table, reasons, spaced
from tasks.schemas.scores import Control, Power, Sensitivity, SplitFacts

KNOWS_NOTHING = "one_hot_date"
"""The control that cannot know anything about the future, even if it earns a premium."""
SCHEMES = {
    "on": "stock-disjoint (on)",
    "off": "chronological, purged (off)",
    "date_disjoint": "date-disjoint, purged",
    "disjoint": "stock- and date-disjoint, purged",
}
CONTROL_NAMES = {
    "one_hot_date": "one-hot date",
    "undated_prompt": "prompt without date",
    "noise": "noise of equal width",
}
CONTROL_FIGURES = {
    "on": "on",
    "off": "off",
    "date_disjoint": "date disjoint",
    "disjoint": "disjoint",
    "premium": "premium",
    "shared_day_effect": "shared-day effect",
}
SPLIT_COUNTS = ("n_splits", "n_train_rows", "n_test_rows", "n_purged", "n_left_out", "n_violations")
SENSITIVITY_FIGURES = ("base_on", "base_off", "trained_on", "trained_off", "reduction")


def control_name(control: Control) -> str:
    """A control's name in words."""
    return CONTROL_NAMES.get(control.name, spaced(control.name))


def controls(found: Sequence[Control]) -> Table[Row]:
    """A row per control, with its meaning and an optional mark."""
    rows, missing = [], []
    for control in found:
        figures = {name: getattr(control, figure) for figure, name in CONTROL_FIGURES.items()}
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


def sensitivity(found: Sequence[Sensitivity]) -> Table[Row]:
    """The figures under each way of fitting."""
    rows, missing = [], []
    for way in found:
        figures = {spaced(figure): getattr(way, figure) for figure in SENSITIVITY_FIGURES}
        penalties = ", ".join(f"{alpha:g} x {n}" for alpha, n in sorted(Counter(way.alphas).items()))
        rows.append(
            {
                "fit": way.name,
                **{name: signed(figure) for name, figure in figures.items()},
                "penalties chosen": penalties,
            }
        )
        if None in figures.values():
            missing.append((way.name, way.why_none))
    return Table(rows, reasons(missing))


def power_sentence(power: Power, reduction: float | None) -> str:
    """How the observed reduction compares with the smallest that this panel can detect."""
    if reduction is None:
        return "There is no reduction to compare with it."
    compared = "at least as large as" if abs(reduction) >= power.smallest_detectable else "smaller than"
    return f"The observed reduction, {signed(reduction)}, is in absolute size {compared} this."


def metric_name(metric: str, is_pretrained: bool | None) -> str:
    """The metric of a hypothesis in words."""
    names = {
        "reduction": "reduction of the premium",
        "lookahead": lookahead_name(is_pretrained),
        "premium_base": "premium of the base model",
        "premium_trained": "premium of the trained model",
        "shared_day_effect_base": "shared-day effect of the base model",
    }
    return names.get(metric, spaced(metric))
