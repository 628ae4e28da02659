"""The decomposition of the premium as rows: each model's figures, and the differences between the models."""

from collections.abc import Iterable, Iterator

from tasks.common.text import DASH, signed
from tasks.report.text import Missing, Table, interval_bounds, jackknife_bounds, reasons
from tasks.schemas.scores import Estimate, ModelDecomposition, RankIc, RobustScores

FIGURES = {
    "premium": ("premium", "on - off, where off is purged by label days"),
    "on": ("R2 on", "stock-disjoint folds: train and test rows share days"),
    "off": ("R2 off", "fitted up to the cut, scored after it, purged"),
    "shared_day_effect": ("shared-day effect", "on - disjoint: what sharing days is worth, which is not hindsight"),
    "disjoint": ("R2 disjoint", "stock- and date-disjoint, purged: what remains without shared days"),
    "date_disjoint": ("R2 date-disjoint", "blocks of days, purged: train and test rows share stocks"),
    "demeaned": ("R2 disjoint, demeaned", "for the target minus its mean over the day"),
}
"""ModelDecomposition' fields in the page's order, with their names and meanings."""
RANK_IC = ("rank IC", "within a day, on the disjoint split")

CAREFUL_NAME = "base - trained (continued training does not remove what the base already knows)"
NO_PLACEBO = (
    "No placebo arm was run: the effect of training itself cannot be separated from the effect of the cutoff. Set "
    "placebo: true in the recipe to train on equally many tokens from after the cutoff."
)


Cell = list[str]
"""A figure and, in smaller type below it, its intervals."""
EstimateRow = tuple[str, str, list[Cell]]
"""A name, its meaning, and a cell per column."""


def models_of(robust: RobustScores) -> dict[str, ModelDecomposition]:
    """The scored models, by name."""
    models = {"base": robust.base, "trained": robust.trained}
    return models | ({"placebo": robust.placebo} if robust.placebo else {})


def decomposition(robust: RobustScores) -> Table[EstimateRow]:
    """The figures behind each model's premium, a column per model."""
    models = models_of(robust)
    rows = [
        (name, meaning, [_cell(getattr(parts, figure)) for parts in models.values()])
        for figure, (name, meaning) in FIGURES.items()
    ]
    rows.append((*RANK_IC, [_rank_cell(parts.rank_ic) for parts in models.values()]))
    return Table(rows, reasons(missing for name, parts in models.items() for missing in _missing_parts(name, parts)))


def differences(robust: RobustScores, is_pretrained: bool | None) -> Table[EstimateRow]:
    """Differences between the models on paired draws."""
    found: list[tuple[str, str, Estimate | None]] = [
        ("reduction", "premium of base - premium of trained", robust.reduction),
        (lookahead_name(is_pretrained), "R2 disjoint of base - R2 disjoint of trained", robust.lookahead),
        ("base - placebo", "R2 disjoint: effect of as many tokens from after the cutoff", robust.placebo_lookahead),
        ("placebo - trained", "R2 disjoint: effect of the cutoff at equal tokens", robust.trained_against_placebo),
    ]
    estimates = [(name, meaning, estimate) for name, meaning, estimate in found if estimate]
    rows = [(name, meaning, [_cell(estimate)]) for name, meaning, estimate in estimates]
    return Table(rows, reasons(_missing((name, estimate) for name, _, estimate in estimates)))


def lookahead_name(is_pretrained: bool | None) -> str:
    """`lookahead` only where training started from weights without any training."""
    return "lookahead: base - trained" if is_pretrained is False else CAREFUL_NAME


def lookahead_note(is_pretrained: bool | None) -> str:
    """How base - trained may be interpreted, and why."""
    if is_pretrained is False:
        return (
            "Training started from untrained weights, so everything the trained model knows comes from its corpus. The "
            "base is those untrained weights and holds no hindsight either: the lookahead is the value of reading the "
            "corpus, with the sign reversed."
        )
    start = "The base was pretrained" if is_pretrained else "The base's record does not state that it was untrained"
    return (
        f"{start} before this training began, and continued training does not remove what the base already knows: base "
        "- trained is the change made by training, not the hindsight in the base."
    )


def _cell(estimate: Estimate) -> Cell:
    if estimate.point is None:
        return [DASH]
    return [signed(estimate.point), interval_bounds(estimate.two_way), jackknife_bounds(estimate.jackknife)]


def _rank_cell(rank_ic: RankIc) -> Cell:
    error = DASH if rank_ic.standard_error is None else f"{rank_ic.standard_error:.4f}"
    return [signed(rank_ic.mean), f"± {error}", f"{rank_ic.n_days:,} days"]


def _missing_parts(model: str, parts: ModelDecomposition) -> Iterator[Missing]:
    yield from _missing((f"{name} of {model}", getattr(parts, figure)) for figure, (name, _) in FIGURES.items())
    if parts.rank_ic.mean is None or parts.rank_ic.standard_error is None:
        yield f"rank IC of {model}", parts.rank_ic.why_none


def _missing(estimates: Iterable[tuple[str, Estimate]]) -> Iterator[Missing]:
    """Every missing figure, interval and jackknife with its reason."""
    for name, found in estimates:
        intervals = {"two-way interval": found.two_way, "jackknife": found.jackknife}
        absent = [what for what, interval in intervals.items() if interval is None]
        if found.point is None:
            yield name, found.why_none
        elif absent:
            yield f"{absent[0] if len(absent) == 1 else 'both intervals'} of {name}", found.why_none
