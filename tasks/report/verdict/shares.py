"""How much is the effect of shared days, and how much is lookahead?"""

from collections.abc import Iterator

from tasks.common.text import signed
from tasks.report.tables.robust import KNOWS_NOTHING, control_name
from tasks.report.verdict.study import Study, with_ends
from tasks.schemas.results import Finding, QuotedFigure
from tasks.schemas.scores import Control, ControlFigures

QUESTION = "How much is the effect of shared days, and how much is lookahead?"
WHY = (
    "Stocks share each day's shocks, so that a fit which has seen a day predicts other stocks of that day. That needs "
    "no knowledge of the future. Lookahead is what one model has more than another of the rest."
)


def shared_days(study: Study) -> Finding:
    """Each model's R2 as the effect of shared days and what remains without them; then the pairs' lookahead."""
    first, *others = study.scores.compared
    of_model = [own for name in ("shared_day_effect", "disjoint") for own in study.quoted.of_model(first, name)]
    of_pairs = [own for pair in study.robust.pairs for own in study.quoted.of_pair(pair, "lookahead")]
    return Finding(
        question=QUESTION,
        outcome="fact",
        answer=" ".join([_shares(study, first), *_lookahead(study)]),
        because=[WHY],
        each=[_shares(study, model) for model in others],
        figures=[*of_model, *of_pairs],
        doubts=list(_controls(study, first)),
    )


def _lookahead(study: Study) -> Iterator[str]:
    if len(study.robust.pairs) == 1:
        [pair] = study.robust.pairs
        found = with_ends(study.quoted.of_pair(pair, "lookahead")[-1])
        yield f"Their difference on the same rows is measured more closely: lookahead, {pair}, {found}."


def _shares(study: Study, model: str) -> str:
    # The last of the co-primary fits is the standardized one, which no model's size of states changes.
    shared, rest = (study.quoted.of_model(model, name)[-1] for name in ("shared_day_effect", "disjoint"))
    effect = "sharing days is worth" if _is_clear(shared) else "no clear effect of shared days,"
    remains = ("what remains", " is") if _is_clear(rest) else ("nothing clear of zero remains", ",")
    return (
        f"{model}: {effect} {with_ends(shared)}; {remains[0]} on unseen stocks and days{remains[1]} {with_ends(rest)} "
        f"(R2, {shared.fit} columns)."
    )


def _is_clear(found: QuotedFigure) -> bool:
    low, high = found.ends or (0.0, 0.0)
    return low > 0 or high < 0


def _controls(study: Study, model: str) -> Iterator[str]:
    """Controls that earn as large a premium as the model: its premium then shows nothing."""
    for found in study.quoted.of_model(model, "premium"):
        if as_large := [text for own in study.robust.controls if (text := _as_large(own, found))]:
            yield (
                f"The premium of {model}, {signed(found.point)} with {found.fit} columns, is no evidence by itself: "
                f"controls earn as much ({', '.join(as_large)})."
            )


def _as_large(control: Control, than: QuotedFigure) -> str:
    premium = control.fits.get(than.fit, ControlFigures()).premium
    if premium is None or than.point is None or not premium >= than.point:
        return ""
    knows_nothing = ", cannot know the future" if control.name == KNOWS_NOTHING else ""
    return f"{control_name(control)} {signed(premium)}{knows_nothing}"
