"""Controls, splits, sensitivity and the headline rows of the robust figures."""

from collections import Counter

from tasks.report.tables.decomposition import FIGURES, lookahead_name
from tasks.report.tables.provenance import Row, row, seed_rows
from tasks.report.text import Missing, bounds, dropped, signed, spaced
from tasks.schemas.scores import Answer, Control, Power, PremiumScores, RobustScores, Sensitivity, SplitFacts

KNOWS_NOTHING = "one_hot_date"
"""The control that cannot know anything of the future, whatever premium it earns."""
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
CONTROL_FIGURES = ("on", "off", "date_disjoint", "disjoint", "premium", "shared_day_effect")


def headline(scores: PremiumScores) -> list[Row]:
    """The headline figures, as shown in Prefect's UI: the seed's and, where there are some, the robust ones."""
    return seed_rows(scores) + (_robust_rows(scores.robust) if scores.robust else [])


def control_name(control: Control) -> str:
    """A control's name in words."""
    return CONTROL_NAMES.get(control.name, spaced(control.name))


def controls(found: list[Control]) -> list[Row]:
    """A row per control; its meaning stands with its name."""
    return [
        {
            "control": control_name(control),
            "meaning": control.what,
            "mark": "knows nothing of the future" if control.name == KNOWS_NOTHING else "",
            "columns": f"{control.n_columns:,}",
            **{spaced(figure): signed(getattr(control, figure)) for figure in CONTROL_FIGURES},
        }
        for control in found
    ]


def missing_controls(found: list[Control]) -> list[Missing]:
    """Figures of controls that are not defined, with the reason."""
    return [
        (f"{control_name(control)} ({', '.join(blank)})", control.why_none)
        for control in found
        if (blank := [spaced(figure) for figure in CONTROL_FIGURES if getattr(control, figure) is None])
    ]


def splits(found: list[SplitFacts]) -> list[Row]:
    """How each splitter parted the rows."""
    return [
        {
            "splitter": SCHEMES.get(facts.name, spaced(facts.name)),
            "splits": f"{facts.n_splits:,}",
            "train rows": f"{facts.n_train_rows:,}",
            "test rows": f"{facts.n_test_rows:,}",
            "purged": f"{facts.n_purged:,}",
            "left out": f"{facts.n_left_out:,}",
            "violations": f"{facts.n_violations:,}",
        }
        for facts in found
    ]


def sensitivity(found: list[Sensitivity]) -> list[Row]:
    """The figures under each way of fitting."""
    return [
        {
            "fit": way.name,
            "base on": signed(way.base_on),
            "base off": signed(way.base_off),
            "trained on": signed(way.trained_on),
            "trained off": signed(way.trained_off),
            "reduction": signed(way.reduction),
            "penalties chosen": ", ".join(f"{alpha:g} x {n}" for alpha, n in sorted(Counter(way.alphas).items())),
        }
        for way in found
    ]


def missing_sensitivity(found: list[Sensitivity]) -> list[Missing]:
    """Ways of fitting with a figure that is not defined."""
    fields = ("base_on", "base_off", "trained_on", "trained_off", "reduction")
    return [(way.name, way.why_none) for way in found if any(getattr(way, name) is None for name in fields)]


def power_words(power: Power, reduction: float | None) -> str:
    """How the reduction found compares with the smallest that this panel could have shown."""
    if reduction is None:
        return "No reduction was found to hold against it."
    compared = "at least as large as" if abs(reduction) >= power.smallest_detectable else "smaller than"
    return f"The reduction found, {signed(reduction)}, is in size {compared} that."


def metric_name(answer: Answer, is_pretrained: bool | None) -> str:
    """A hypothesis' metric in words; lookahead is called so only where it may be."""
    names = {
        "reduction": "reduction of the premium",
        "lookahead": lookahead_name(is_pretrained),
        "premium_base": "premium of the base model",
        "premium_trained": "premium of the trained model",
        "shared_day_effect_base": "shared-day effect of the base model",
    }
    return names.get(answer.metric, spaced(answer.metric))


def _robust_rows(robust: RobustScores) -> list[Row]:
    rows = []
    between = {"premium": robust.reduction, "disjoint": robust.lookahead}
    for figure in ("premium", "shared_day_effect", "disjoint", "date_disjoint", "demeaned"):
        base, trained, difference = getattr(robust.base, figure), getattr(robust.trained, figure), between.get(figure)
        name = "premium, purged" if figure == "premium" else FIGURES[figure][0]
        rows.append(
            row(name, signed(base.point), signed(trained.point), signed(difference.point) if difference else "")
        )
        ends = bounds(difference.two_way) if difference else ""
        rows.append(row(f"{name}, two-way 95 %", bounds(base.two_way), bounds(trained.two_way), ends))
    rows.append(row("rank IC", signed(robust.base.rank_ic.mean), signed(robust.trained.rank_ic.mean), ""))
    return rows + _arms_and_answer(robust) + _draws(robust)


def _arms_and_answer(robust: RobustScores) -> list[Row]:
    arms = {"base - placebo": robust.placebo_lookahead, "placebo - trained": robust.trained_against_placebo}
    rows = [row(f"R2 disjoint, {name}", "", "", signed(found.point)) for name, found in arms.items() if found]
    return rows + ([row("hypothesis", "", "", robust.answer.verdict)] if robust.answer else [])


def _draws(robust: RobustScores) -> list[Row]:
    kept = f"{robust.n_kept_draws} of {robust.n_draws}"
    lost = dropped(robust.dropped_draws)
    return [
        row("two-way draws kept", kept, kept, ""),
        *(row(f"two-way draws dropped: {why}", str(n), str(n), "") for why, n in lost),
    ]
