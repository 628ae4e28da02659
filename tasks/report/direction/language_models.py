"""Language models on the page: beside the others on the same rows, what they were asked, what they know of formulas."""

from typing import Any

from tasks.common.text import DASH
from tasks.report.direction.cells import counts, ends, lines, missing_of, points, share, with_ends
from tasks.report.text import Cell, EstimateRow, Missing, Table, reasons
from tasks.schemas.direction import QUOTED, DirectionScores, FamilyFigure

MAIN_BASELINE = "boosting"


def columns(scores: DirectionScores) -> list[str]:
    """Models fitted elsewhere, in their order."""
    return list(dict.fromkeys(own.model for own in scores.comparisons))


def section(scores: DirectionScores) -> dict[str, Any]:
    """What `language_models.html` shows, by name."""
    return {
        "models_elsewhere": columns(scores),
        "comparisons": comparisons(scores),
        "asked": asked(scores),
        "knowledge": knowledge(scores) if scores.knowledge else None,
    }


def comparisons(scores: DirectionScores) -> Table[EstimateRow]:
    """Accuracy less that of each baseline and each model before, on the same rows; a column per model."""
    found = {(own.model, own.reference): own for own in scores.comparisons}
    missing: list[Missing] = []
    rows: list[EstimateRow] = []
    for reference in dict.fromkeys(own.reference for own in scores.comparisons):
        cells: list[Cell] = []
        for model in columns(scores):
            if (own := found.get((model, reference))) is None:
                cells.append([DASH])
                continue
            both = f"{share(own.accuracy.point)} and {share(own.reference_accuracy.point)}"
            cells.append([*lines(own.difference, points), both])
            missing += missing_of(f"{model} less {reference}", own.difference)
        rows.append((f"less {reference}", "", cells))
    return Table(rows, reasons(missing))


def asked(scores: DirectionScores) -> list[EstimateRow]:
    """What language models were asked, and how far they answer; a column per model."""
    own = list(scores.asked.values())
    return [
        ("rows asked about", "of the hold-out, and scored", counts(each.n_rows for each in own)),
        (
            "not asked about",
            "of the hold-out, with an outcome other than zero",
            counts(each.n_not_asked for each in own),
        ),
        ("asked, not scored", "outside of the hold-out, or outcome zero", counts(each.n_outside for each in own)),
        ("says one of the two", "probability of the two answers together, mean", [[share(each.mass)] for each in own]),
        ("distance from one half", "of the probability of a rise, mean", [[share(each.distance)] for each in own]),
    ]


def knowledge(scores: DirectionScores) -> Table[EstimateRow]:
    """Right answers to questions about formulas, chance, and differences; a column per language model."""
    found = scores.knowledge
    missing = [miss for name, own in found.items() for miss in _missing_of(f"{name}, formulas", own.accuracy)]
    rows: list[EstimateRow] = [
        ("right", "", [[*_lines(own.accuracy), f"{own.n_right:,} of {own.n_questions:,}"] for own in found.values()]),
        ("chance", "answers picked at random", [[share(own.chance)] for own in found.values()]),
        ("families of formulas", "", counts(own.n_families for own in found.values())),
    ]
    for earlier in list(found)[:-1]:
        cells: list[Cell] = []
        for name, own in found.items():
            difference = own.differences.get(earlier) or FamilyFigure(point=None)
            cells.append(_lines(difference, is_difference=True))
            missing += _missing_of(f"{name} less {earlier}, formulas", difference)
        rows.append((f"less {earlier}", "on the same questions", cells))
    return Table(rows, reasons(missing))


def findings(scores: DirectionScores) -> list[str]:
    """Sentences on the last language model: its accuracy, and its differences on the same rows."""
    if not scores.asked:
        return []
    name, own = list(scores.asked.items())[-1]
    accuracy = scores.models[name].splits[QUOTED].accuracy
    differences = [
        f"{with_ends(each.difference, points)} from {each.reference}"
        for each in scores.comparisons
        if each.model == name and each.reference in (MAIN_BASELINE, *scores.asked)
    ]
    beside = f"; on the same rows it differs by {', by '.join(differences)}" if differences else ""
    return [
        f"The language model {name} is right in {with_ends(accuracy)} of the {own.n_rows:,} rows of the {QUOTED} "
        f"hold-out that it was asked about{beside}."
    ]


def _lines(figure: FamilyFigure, is_difference: bool = False) -> Cell:
    write = points if is_difference else share
    return [write(figure.point), *([f"{ends(figure.by_family, write)} by family"] if figure.by_family else [])]


def _missing_of(what: str, figure: FamilyFigure) -> list[Missing]:
    return [(what, figure.why_none)] if figure.why_none else []
