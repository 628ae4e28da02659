"""The decomposition as rows: each model's figures, and the differences between the models."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.report.text import DASH, Missing, bounds, round_bounds, signed
from tasks.schemas.scores import Estimate, ModelDecomposition, RankIc, RobustScores

FIGURES = {
    "premium": ("premium", "on - off, off purged by label days"),
    "on": ("R2 on", "stock-disjoint folds: train and test share days"),
    "off": ("R2 off", "fitted up to the cut, scored after it, purged"),
    "shared_day_effect": ("shared-day effect", "on - disjoint: what sharing days is worth, which is no hindsight"),
    "disjoint": ("R2 disjoint", "stock- and date-disjoint, purged: what is left without shared days"),
    "date_disjoint": ("R2 date-disjoint", "blocks of days, purged: stocks are shared"),
    "demeaned": ("R2 disjoint, demeaned", "of the target less its day's mean"),
}
"""ModelDecomposition's fields in the page's order, with their names and what they are."""
RANK_IC = ("rank IC", "within a day, on the disjoint split")

CAREFUL_NAME = "base - trained (continued training removes nothing the base already knows)"


@dataclass(frozen=True)
class Cell:
    """A figure and, in smaller type, how sure it is."""

    value: str
    small: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PartRow:
    """A row of the page: a name, what it means, a cell per column."""

    name: str
    meaning: str
    cells: list[Cell]


def models_of(robust: RobustScores) -> dict[str, ModelDecomposition]:
    """The models that were scored, by name."""
    models = {"base": robust.base, "trained": robust.trained}
    return models | ({"placebo": robust.placebo} if robust.placebo else {})


def decomposition(robust: RobustScores) -> list[PartRow]:
    """What each model's premium is made of, a column per model."""
    models = models_of(robust).values()
    rows = [
        PartRow(name, meaning, [_cell(getattr(parts, figure)) for parts in models])
        for figure, (name, meaning) in FIGURES.items()
    ]
    return [*rows, PartRow(*RANK_IC, [_rank_cell(parts.rank_ic) for parts in models])]


def differences(robust: RobustScores, is_pretrained: bool | None) -> list[PartRow]:
    """What tells the models apart, paired draws."""
    return [
        PartRow(name, meaning, [_cell(estimate)]) for name, meaning, estimate in _differences(robust, is_pretrained)
    ]


def lookahead_name(is_pretrained: bool | None) -> str:
    """`lookahead` only where the trained model started from weights that had read nothing."""
    return "lookahead: base - trained" if is_pretrained is False else CAREFUL_NAME


def missing_parts(robust: RobustScores) -> list[Missing]:
    """Every figure, interval and jackknife of a model that is not there, with its reason."""
    found: list[Missing] = []
    for model, parts in models_of(robust).items():
        for figure, (name, _) in FIGURES.items():
            found += _missing(f"{name} of {model}", getattr(parts, figure))
        if parts.rank_ic.mean is None or parts.rank_ic.standard_error is None:
            found.append((f"rank IC of {model}", parts.rank_ic.why_none))
    return found


def missing_differences(robust: RobustScores, is_pretrained: bool | None) -> list[Missing]:
    """The same of the differences between the models."""
    differences = _differences(robust, is_pretrained)
    return [missing for name, _, estimate in differences for missing in _missing(name, estimate)]


def _differences(robust: RobustScores, is_pretrained: bool | None) -> Iterator[tuple[str, str, Estimate]]:
    yield "reduction", "premium of base - premium of trained", robust.reduction
    yield lookahead_name(is_pretrained), "R2 disjoint of base - that of trained", robust.lookahead
    if robust.placebo_lookahead:
        yield "base - placebo", "R2 disjoint: what as many tokens from after the cutoff did", robust.placebo_lookahead
    if robust.trained_against_placebo:
        meaning = "R2 disjoint: what the cutoff did, tokens being equal"
        yield "placebo - trained", meaning, robust.trained_against_placebo


def _cell(estimate: Estimate) -> Cell:
    if estimate.point is None:
        return Cell(DASH)
    return Cell(signed(estimate.point), [bounds(estimate.two_way), round_bounds(estimate.jackknife)])


def _rank_cell(rank_ic: RankIc) -> Cell:
    error = DASH if rank_ic.standard_error is None else f"{rank_ic.standard_error:.4f}"
    return Cell(signed(rank_ic.mean), [f"± {error}", f"{rank_ic.n_days:,} days"])


def _missing(name: str, estimate: Estimate) -> Iterator[Missing]:
    if estimate.point is None:
        yield name, estimate.why_none
    elif estimate.two_way is None and estimate.jackknife is None:
        yield f"both intervals of {name}", estimate.why_none
    elif estimate.two_way is None:
        yield f"two-way interval of {name}", estimate.why_none
    elif estimate.jackknife is None:
        yield f"jackknife of {name}", estimate.why_none
