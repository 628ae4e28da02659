"""The recall probes' figures as rows of text, and what was found in sentences."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tasks.common.text import DASH, Row
from tasks.report.direction.cells import Write, ends, lines, missing_of, points, share, with_ends
from tasks.report.text import Cell, EstimateRow, Missing, Table, reasons
from tasks.schemas.direction import Figure
from tasks.schemas.estimates import Estimate
from tasks.schemas.probe import Variant
from tasks.schemas.recall import (
    GATE_AFTER,
    GATE_BEFORE,
    ChangePoint,
    Concentration,
    Curve,
    FactScores,
    ModelRecall,
    Recall,
    VariantRecall,
)
from tasks.schemas.scores import models_of

RATES = {
    "overall": "all documents",
    "before": "up to the cutoff",
    "after": "after it",
    "rise": "after - before",
    "overlap_gap": "overlapping - others",
}
"""Fields of a curve in the page's order, with their columns."""
VARIANT_NAMES: dict[Variant, tuple[str, str]] = {
    "date_only": ("entity and day", "the question, without features"),
    "entity_neutral": ("day alone", "control: neither name nor code"),
    "date_removed": ("entity alone", "control: no day"),
    "both": ("neither", "control: no entity and no day"),
    "fictitious_entity": ("made-up entity and day", "control: an entity that does not exist"),
}
DIRECTION: Mapping[str, Callable[[VariantRecall], tuple[Figure, Write]]] = {
    "AUC": lambda own: (own.overall.auc, share),
    "before the cutoff": lambda own: (own.before.auc, share),
    "after it": lambda own: (own.after.auc, share),
    "before - after": lambda own: (own.fall, points),
    "log odds, rises - falls": lambda own: (own.overall.log_odds_gap, points),
    "hit rate": lambda own: (own.overall.hit_rate, share),
    "Brier score": lambda own: (own.overall.brier, share),
    "beyond this control": lambda own: (own.beyond_control, points),
}
"""Columns, each with where its figure is and how it is written."""
TELLS = "tell directions from entity and day together"
CONCENTRATION = {
    "lookahead": "lookahead",
    "certain": "certain half",
    "uncertain": "other half",
    "difference": "difference",
    "slope": "per standard deviation",
}


@dataclass(frozen=True)
class RecallSection:
    """What the section shows."""

    findings: list[str]
    rates: Table[EstimateRow]
    rate_columns: list[str]
    changes: Table[Row]
    period: str
    unit: str
    n_change_draws: int
    questions: Mapping[str, Table[EstimateRow]]
    question_columns: list[str]
    concentration: Table[EstimateRow]
    concentration_columns: list[str]
    days_per_run: int | None
    n_draws: int
    facts: Table[EstimateRow]
    fact_columns: list[str]
    gate: str
    contamination: list[Row]
    panel_overlap: list[Row]
    why_no_contamination: str


def recall_section(found: Recall) -> RecallSection:
    """Everything that the page shows of the recall probes."""
    return RecallSection(
        findings=list(_findings(found)),
        rates=_rates(found),
        rate_columns=list(RATES.values()),
        changes=_changes(found),
        period=found.period,
        unit=found.unit,
        n_change_draws=found.n_change_draws,
        questions={name: _questions(own.questions) for name, own in found.models.items() if own.questions},
        question_columns=["rows", *DIRECTION],
        concentration=_concentration(found),
        concentration_columns=["rows", *CONCENTRATION.values()],
        days_per_run=found.days_per_run,
        n_draws=found.n_draws,
        facts=_facts(found),
        fact_columns=["before the cutoff", "after it", "before - after", "chance", "gate", "items", "left out"],
        gate=f"at least {GATE_BEFORE:.0%} before the cutoff and at most {GATE_AFTER:.0%} after it",
        contamination=_overlaps(found),
        panel_overlap=[
            {"panel's sentences": name.replace("_", " "), "": f"{number:,.4g}"}
            for name, number in found.contamination.panel.items()
        ],
        why_no_contamination=found.contamination.why_none,
    )


def _curves(found: Recall) -> dict[str, Curve]:
    of_models = {name: own.curve for name, own in found.models.items()}
    return of_models | {pair: own.curve for pair, own in found.pairs.items()}


def _findings(found: Recall) -> Iterator[str]:
    """What the probes say, the most direct first."""
    for name, own in found.models.items():
        yield apparent_cutoff(name, own.curve)
    for pair, compared in found.pairs.items():
        yield moved(pair, compared.curve) + unlike(found, pair)
    for name, own in found.models.items():
        if "date_only" in own.questions:
            yield recalled(name, own)
    for pair, compared in found.pairs.items():
        yield from (_concentrated(pair, one) for one in compared.concentration if one.difference.by_date)


def _concentrated(pair: str, own: Concentration) -> str:
    verdict = DASH
    if own.difference.by_date:
        verdict = _side(own.difference.by_date, "is larger", "is smaller", "does not clearly differ")
    return (
        f"{pair}, {own.fit}: the lookahead {verdict} on rows where {models_of(pair)[0]} answers with more certainty "
        f"({points(own.difference.point)} {ends(own.difference.by_date, points)} by date)."
    )


def apparent_cutoff(name: str, curve: Curve) -> str:
    """Where a model's bits per byte rise, if they do."""
    change = curve.change
    if change.day is None or change.interval is None or change.rise is None:
        return f"{name}: no change point found ({change.why_none})."
    if change.rise <= 0:
        return (
            f"{name}: bits per byte fall after {change.day} ({_span(change)}). A cutoff would show as a rise: no "
            "apparent cutoff."
        )
    if change.is_open == (True, True):
        return (
            f"{name}: bits per byte rise, and the day of it is not known: the interval of {change.day} holds all days "
            f"searched, {change.interval[0]} to {change.interval[1]}, and excludes none."
        )
    return f"{name}: bits per byte rise after {change.day} ({_span(change)}): the apparent cutoff.{_stated(curve)}"


def _stated(curve: Curve) -> str:
    """Whether the change point's interval holds the stated cutoff."""
    if curve.cutoff is None or curve.change.interval is None:
        return ""
    first, last = curve.change.interval
    return f" The stated cutoff, {curve.cutoff}, is {'inside' if first <= curve.cutoff <= last else 'outside'}."


def _span(change: ChangePoint) -> str:
    if change.interval is None or change.is_open is None:
        return DASH
    beyond = [word for word, is_open in zip(("earlier", "later"), change.is_open, strict=True) if is_open]
    note = f", and {' or '.join(beyond)}: it reaches the end of the days searched" if beyond else ""
    return f"95 %: {change.interval[0]} to {change.interval[1]}{note}"


def moved(pair: str, curve: Curve) -> str:
    """Whether training moved how well the documents are predicted."""
    one, other = models_of(pair)
    if curve.overall.interval is None:
        return f"{pair}: whether bits per byte differ is not known ({curve.overall.why_none})."
    verdict = _side(
        curve.overall.interval,
        f"{other} predicts the documents better than {one}",
        f"{other} predicts the documents worse than {one}",
        f"{other} predicts the documents about as well as {one}",
    )
    text = f"{verdict}: {points(curve.overall.point)} {ends(curve.overall.interval, points)} bits per byte"
    change = curve.change
    where = f"changes after {change.day} ({_span(change)})" if change.day else "has no change point"
    return f"{text}.{_own_sides(pair, curve)} The difference {where}.{_stated(curve)}"


def _own_sides(pair: str, curve: Curve) -> str:
    """Says so where one model is clearly better up to the cutoff and the other after it: the overall may hide that."""
    before, after = curve.before.interval, curve.after.interval
    if before is None or after is None:
        return ""
    first, second = models_of(pair) if before[1] < 0 < after[0] else models_of(pair)[::-1]
    if not (before[1] < 0 < after[0] or after[1] < 0 < before[0]):
        return ""
    sides = [f"{points(own.point)} {ends(own.interval, points)}" for own in (curve.before, curve.after)]
    return (
        f" Documents up to {curve.cutoff} are predicted better by {first} ({sides[0]}), those after it by {second} "
        f"({sides[1]})."
    )


def unlike(found: Recall, pair: str) -> str:
    """A warning where the pair's models did not read the documents alike."""
    one, other = (found.models[name].reading for name in models_of(pair))
    if one == other:
        return ""
    read = "; ".join(
        f"{name}: windows of {own.window_tokens:,} tokens, {own.n_leading_ids} ids before each text"
        for name, own in zip(models_of(pair), (one, other), strict=True)
    )
    return f" They read the documents with unlike context ({read}), which is part of the difference."


def recalled(name: str, model: ModelRecall) -> str:
    """Whether a model tells directions from entity and day together: by chance, and by its answers to the controls."""
    auc = model.questions["date_only"].overall.auc
    if auc.point is None or auc.by_date is None:
        return f"{name}: whether it recalls directions is not known ({auc.why_none})."
    found = f"AUC {share(auc.point)} {ends(auc.by_date)} by date, where 0.5 is chance"
    low, high = auc.by_date
    if not low > 0.5:
        verdict = "is wrong about directions more often than right" if high < 0.5 else f"does not clearly {TELLS}"
        return f"{name} {verdict}: {found}."
    sides = _before_and_after(model)
    controls = {variant: own.beyond_control for variant, own in model.questions.items() if variant != "date_only"}
    if as_good := [variant for variant, beyond in controls.items() if not _is_above(beyond)]:
        told = "; ".join(f"{VARIANT_NAMES[own][0]}, {_beyond(controls[own])}" for own in as_good)
        return f"{name} is not shown to {TELLS}: {found}, but not clearly above what controls tell ({told}).{sides}"
    beside = "and above each control" if controls else "and no control was asked: it may know the day's market alone"
    verb = TELLS.replace("tell", "tells", 1)
    return f"{name} {verb}: {found}, {beside}.{sides}"


def in_short(name: str, model: ModelRecall) -> str:
    """What `recalled` says, in one clause for the first page."""
    auc = model.questions["date_only"].overall.auc
    if auc.point is None or auc.by_date is None:
        return f"{name}: whether it recalls directions is not known."
    if tells_directions(model):
        return f"{name} {TELLS.replace('tell', 'tells', 1)}."
    if auc.by_date[0] > 0.5:
        return f"{name} is not shown to {TELLS}: controls tell as much."
    return f"{name} does not clearly {TELLS}."


def tells_directions(model: ModelRecall) -> bool:
    """Whether a model tells directions better than by chance, and than by each control that was asked."""
    auc = model.questions["date_only"].overall.auc
    controls = [own.beyond_control for variant, own in model.questions.items() if variant != "date_only"]
    return auc.by_date is not None and auc.by_date[0] > 0.5 and all(map(_is_above, controls))


def _is_above(beyond: Figure) -> bool:
    return beyond.by_date is not None and beyond.by_date[0] > 0


def _beyond(beyond: Figure) -> str:
    if beyond.point is None:
        return f"not compared: {beyond.why_none}"
    return (
        f"question - control {points(beyond.point)} {ends(beyond.by_date, points) if beyond.by_date else ''}".rstrip()
    )


def _before_and_after(model: ModelRecall) -> str:
    """Known of days before the cutoff alone is what recall looks like; known after it too is something else."""
    own = model.questions["date_only"]
    if model.cutoff is None or own.before.auc.point is None or own.after.auc.point is None:
        return ""
    return (
        f" Up to its cutoff, {model.cutoff}, the AUC is {share(own.before.auc.point)}, after it "
        f"{share(own.after.auc.point)}: a fall of {with_ends(own.fall, points)}."
    )


def _side(interval: tuple[float, float], above: str, below: str, neither: str) -> str:
    return above if interval[0] > 0 else below if interval[1] < 0 else neither


def _rates(found: Recall) -> Table[EstimateRow]:
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for name, curve in _curves(found).items():
        write = points if name in found.pairs else share
        by_field = {field: getattr(curve, field) for field in RATES}
        cells = [
            estimate_cell(own, points if field in ("rise", "overlap_gap") else write) for field, own in by_field.items()
        ]
        n_documents = sum(own.n_documents for own in curve.periods)
        rows.append((name, f"{n_documents:,} documents, cutoff {curve.cutoff or 'unknown'}", cells))
        missing += [(f"{RATES[field]}, {name}", own.why_none) for field, own in by_field.items() if own.why_none]
    return Table(rows, reasons(missing))


def estimate_cell(own: Estimate, write: Write) -> Cell:
    """A figure and, below it, its interval."""
    return [write(own.point), *([ends(own.interval, write)] if own.interval else [])]


def _changes(found: Recall) -> Table[Row]:
    rows, missing = [], []
    for name, curve in _curves(found).items():
        change = curve.change
        rows.append(
            {
                "curve": name,
                "changes after": str(change.day or DASH),
                "95 %": f"{change.interval[0]} to {change.interval[1]}" if change.interval else DASH,
                "rise, bits per byte": points(change.rise),
                "p": share(change.p_value),
                "searched": f"{change.searched[0]} to {change.searched[1]}" if change.searched else DASH,
                "documents": f"{change.n_documents:,}",
            }
        )
        if change.why_none:
            missing.append((name, f"no change point found: {change.why_none}"))
    return Table(rows, reasons(missing))


def _questions(by_variant: Mapping[Variant, VariantRecall]) -> Table[EstimateRow]:
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for variant, own in by_variant.items():
        name, meaning = VARIANT_NAMES[variant]
        by_column = {column: read(own) for column, read in DIRECTION.items()}
        counted = [f"{own.overall.n_rows:,}", f"{own.overall.n_days:,} days", f"mass {share(own.mass)}"]
        rows.append((name, meaning, [counted, *(lines(figure, write) for figure, write in by_column.values())]))
        for column, (figure, _) in by_column.items():
            if not (column == "beyond this control" and variant == "date_only"):
                # The name of the question only where the others have the figure.
                is_shared = all(
                    DIRECTION[column](one)[0].why_none == figure.why_none
                    for other, one in by_variant.items()
                    if not (column == "beyond this control" and other == "date_only")
                )
                missing += missing_of(column if is_shared else f"{column}, {name}", figure)
    return Table(rows, reasons(missing))


def _concentration(found: Recall) -> Table[EstimateRow]:
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for pair, compared in found.pairs.items():
        for own in compared.concentration:
            by_field = {name: getattr(own, name) for name in CONCENTRATION}
            cells = [[f"{own.n_rows:,}"], *(lines(figure, points) for figure in by_field.values())]
            rows.append((pair, f"{own.fit} columns", cells))
            for name, figure in by_field.items():
                missing += missing_of(f"{CONCENTRATION[name]}, {pair}, {own.fit}", figure)
        if compared.why_no_concentration:
            missing.append((pair, compared.why_no_concentration))
    return Table(rows, reasons(missing))


def _facts(found: Recall) -> Table[EstimateRow]:
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for name, model in found.models.items():
        own = model.facts
        if not own.n_items:
            continue
        rows.append((name, f"cutoff {model.cutoff or 'unknown'}", _fact_cells(own)))
        missing += [(f"shares of {name}", own.before.why_none)] if own.before.why_none else []
        missing += [(f"gate of {name}", own.why_no_gate)] if own.why_no_gate != own.before.why_none else []
    return Table(rows, reasons(missing))


def _fact_cells(own: FactScores) -> list[Cell]:
    return [
        estimate_cell(own.before, share),
        estimate_cell(own.after, share),
        estimate_cell(own.difference, points),
        [share(own.chance)],
        [own.gate or DASH],
        [f"{own.n_before:,}, {own.n_after:,}"],
        [f"{own.n_unmatched[0]:,}, {own.n_unmatched[1]:,}"],
    ]


def _overlaps(found: Recall) -> list[Row]:
    return [
        {
            "n-grams in the training text": f"more than {own.bound:.0%}",
            "documents": f"{own.n_documents:,}",
            "share": f"{own.share:.1%}",
        }
        for own in found.contamination.documents
    ]
