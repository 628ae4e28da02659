"""The figures under every fit as rows: each model's R2s, and the differences between the models."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, product
from typing import Literal

from tasks.common.text import DASH, signed
from tasks.report.text import Cell, EstimateRow, Missing, Table, jackknife_bounds, quoted, reasons
from tasks.schemas.estimates import FITS, WITHOUT_JACKKNIFE, Estimate, FitName, FitScores, ModelDecomposition, RankIc
from tasks.schemas.scores import RobustScores
from tasks.schemas.scores import models_of as models_of_pair

FIGURES = {
    "on": ("R2 on", "stock-disjoint folds: train and test rows share days"),
    "matched": ("R2 on, matched", "as on, with as many train rows as disjoint"),
    "disjoint": ("R2 disjoint", "stock- and date-disjoint, purged: what remains without shared days"),
    "shared_day_effect": (
        "shared-day effect",
        "matched - disjoint: what sharing days is worth, no hindsight",
    ),
    "date_disjoint": ("R2 date-disjoint", "blocks of days, purged: train and test rows share stocks"),
    "off": ("R2 off", "fitted up to the cut, scored after it, purged"),
    "premium": ("premium", "on - off, the reference's figure, purged"),
}
"""ModelDecomposition's fields in the page's order, with their names and meanings."""
RANK_IC = ("rank IC", "within a day, on the disjoint split")
INTERVALS = (
    "Below a figure: [95 %], the figure -/+ 1.96 standard deviations of draws of stocks and of days, for every figure "
    "here the interval to quote; then (95 % by the jackknife over groups of days), a second interval for figures "
    "without R2 off. Below a rank IC: its standard error over days, and the number of days with enough stocks."
)
"""Which interval is for what; docs/measure.md has their coverage."""

SCHEME_OF = {"lookahead": "R2 disjoint", "gain": "R2 off"}
"""The R2 that each headline figure is a difference of."""
Relation = Literal["untrained", "pretrained", "unknown", "separate"]
"""What the reference model was before it became the other one of a pair; `separate` models of an audit did not."""
NO_PLACEBO = (
    "No placebo arm was run: the effect of training itself cannot be separated from the effect of the cutoff. Set "
    "placebo: true in the recipe to train on equally many tokens from after the cutoff."
)
OTHER_PAIRS = {
    "base - placebo": "effect of as many tokens from after the cutoff",
    "placebo - trained": "effect of the cutoff at equal tokens",
}
UNKNOWN = Estimate(point=None, why_none="scores of an earlier version do not have it.")


def models_of(robust: RobustScores, fit: FitName = "standardized") -> dict[str, ModelDecomposition]:
    """The scored models under one fit, by name."""
    return robust.fits[fit].models


def has_wide(robust: RobustScores) -> bool:
    """Whether any figure's interval is marked as likely wider than 95 % needs."""
    figures = chain.from_iterable((*fit.models.values(), *fit.differences.values()) for fit in robust.fits.values())
    return any(isinstance(own, Estimate) and own.is_wide for _, own in chain.from_iterable(figures))


def decomposition(robust: RobustScores) -> dict[str, Table[EstimateRow]]:
    """By model its figures, a column per fit."""
    return {name: _model_table({fit: own.models[name] for fit, own in robust.fits.items()}) for name in _names(robust)}


def _names(robust: RobustScores) -> list[str]:
    return list(models_of(robust))


def _model_table(by_fit: Mapping[FitName, ModelDecomposition]) -> Table[EstimateRow]:
    rows = [estimate_row(figure, *names, figures_by_fit(by_fit, figure)) for figure, names in FIGURES.items()]
    ranks = {fit: own.rank_ic for fit, own in by_fit.items()}
    rows.append((*RANK_IC, [_rank_cell(rank) for rank in ranks.values()]))
    missing = [missing_of(figure, name, figures_by_fit(by_fit, figure)) for figure, (name, _) in FIGURES.items()]
    return Table(rows, reasons(chain(*missing, _missing_ranks(ranks))))


def figures_by_fit(by_fit: Mapping[FitName, ModelDecomposition], figure: str) -> dict[FitName, Estimate]:
    """One of a model's figures, by fit."""
    return {fit: getattr(own, figure) or UNKNOWN for fit, own in by_fit.items()}


def differences(robust: RobustScores, relation: Relation) -> Table[EstimateRow]:
    """Differences between the models on paired draws, a column per fit; the reference's reductions last."""
    found = list(_differences(robust, relation))
    rows = [estimate_row(metric, name, meaning, by_fit) for metric, name, meaning, by_fit in found]
    return Table(rows, reasons(line for metric, name, _, by_fit in found for line in missing_of(metric, name, by_fit)))


def _differences(robust: RobustScores, relation: Relation) -> Iterator[tuple[str, str, str, dict[FitName, Estimate]]]:
    fits = robust.fits
    for pair in robust.pairs:
        for metric, name in names_of(pair, relation).items():
            yield metric, name, meaning_of(metric, pair), difference_by_fit(fits, pair, metric)
    others = OTHER_PAIRS if relation != "separate" else {}
    for (pair, meaning), (metric, scheme) in product(others.items(), SCHEME_OF.items()):
        if pair not in robust.pairs and (by_fit := difference_by_fit(fits, pair, metric)):
            yield metric, f"{scheme}, {pair}", meaning, by_fit
    for pair in robust.pairs:
        name = "reduction" if len(robust.pairs) == 1 else f"reduction, {pair}"
        yield "reduction", name, meaning_of("reduction", pair), difference_by_fit(fits, pair, "reduction")


def meaning_of(metric: str, pair: str) -> str:
    """What a difference is made of: `R2 off of base - R2 off of trained`."""
    one, other = models_of_pair(pair)
    if metric == "reduction":
        return f"premium of {one} - premium of {other}, the reference's figure"
    return f"{SCHEME_OF[metric]} of {one} - {SCHEME_OF[metric]} of {other}"


def difference_by_fit(fits: Mapping[FitName, FitScores], pair: str, metric: str) -> dict[FitName, Estimate]:
    """One of a pair's differences, by fit; empty where the pair was not measured."""
    found = {fit: scores.differences.get(pair) for fit, scores in fits.items()}
    return {fit: getattr(own, metric) or UNKNOWN for fit, own in found.items() if own}


def names_of(pair: str, relation: Relation) -> dict[str, str]:
    """What a pair's headline figures are called."""
    return {"lookahead": lookahead_name(pair, relation), "gain": f"gain from knowing the test span: {pair}"}


def lookahead_name(pair: str, relation: Relation) -> str:
    """`lookahead` only where training started from weights without any training."""
    if relation == "untrained":
        return f"lookahead: {pair}"
    if relation == "separate":
        return f"{pair} (knowledge of the future only where nothing else tells the two apart)"
    return f"{pair} (continued training does not remove what the base already knows)"


def lookahead_note(relation: Relation) -> str:
    """How a difference of two models may be interpreted, and why."""
    if relation == "separate":
        return (
            "The models of an audit differ in more than the text they know: in size, tokenizer and training. A "
            "difference is knowledge of the future only where nothing else tells the two apart, as for vintages of one "
            "model family."
        )
    if relation == "untrained":
        return (
            "Training started from untrained weights, so everything the trained model knows comes from its corpus. The "
            "base is those untrained weights and holds no hindsight either: the lookahead is the value of reading the "
            "corpus, with the sign reversed."
        )
    start = (
        "The base was pretrained"
        if relation == "pretrained"
        else "The base's record does not state that it was untrained"
    )
    return (
        f"{start} before this training began, and continued training does not remove what the base already knows: base "
        "- trained is the change made by training, not the hindsight in the base."
    )


def estimate_row(figure: str, name: str, meaning: str, by_fit: Mapping[FitName, Estimate]) -> EstimateRow:
    """A figure under every fit, with its intervals."""
    return name, meaning, [_cell(figure, estimate) for estimate in by_fit.values()]


def _cell(figure: str, estimate: Estimate) -> Cell:
    if estimate.point is None:
        return [DASH]
    second = [] if figure in WITHOUT_JACKKNIFE else [jackknife_bounds(estimate.jackknife)]
    return [signed(estimate.point), quoted(estimate), *second]


def _rank_cell(rank_ic: RankIc | None) -> Cell:
    if rank_ic is None:
        return [""]
    error = DASH if rank_ic.standard_error is None else f"{rank_ic.standard_error:.4f}"
    return [signed(rank_ic.mean), f"± {error}", f"{rank_ic.n_days:,} days"]


def missing_of(figure: str, name: str, by_fit: Mapping[FitName, Estimate]) -> Iterator[Missing]:
    """Every missing figure, interval and jackknife with its reason, fits with the same reason together."""
    fits_of: dict[Missing, list[FitName]] = defaultdict(list)
    for fit, found in by_fit.items():
        intervals = {"interval": found.interval}
        intervals |= {} if figure in WITHOUT_JACKKNIFE else {"jackknife": found.jackknife}
        absent = [what for what, interval in intervals.items() if interval is None]
        if found.point is None:
            fits_of[name, found.why_none].append(fit)
        elif absent:
            fits_of[f"{' and '.join(absent)} of {name}", found.why_none].append(fit)
    for (what, why), fits in fits_of.items():
        yield what + _of_fits(fits), why


def _missing_ranks(ranks: Mapping[FitName, RankIc | None]) -> Iterator[Missing]:
    undefined = {fit: rank for fit, rank in ranks.items() if rank and None in (rank.mean, rank.standard_error)}
    for fit, rank in undefined.items():
        yield f"{RANK_IC[0]} ({fit})", rank.why_none


def _of_fits(fits: Iterable[FitName]) -> str:
    return "" if len(list(fits)) == len(FITS) else f" ({', '.join(fits)})"
