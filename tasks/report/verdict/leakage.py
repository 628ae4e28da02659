"""Is there leakage, and which models differ? What is not clear of zero is `not shown`, never `absent`."""

from collections.abc import Iterable, Iterator, Mapping

from tasks.report.tables.decomposition import Relation, lookahead_note
from tasks.report.text import sentence
from tasks.report.verdict.study import HEADLINES, Sides, Study
from tasks.schemas.results import Finding, Outcome
from tasks.schemas.scores import Verdict, models_of

QUESTION = "Is there leakage?"
WHICH = "Which models differ?"
WORDS: dict[Outcome, str] = {"shown": "Yes", "partly": "In part", "not shown": "Not shown"}
ONE_MODEL = (
    "A model that knows all days of the panel has the same premium as one that knows none; only a second model on the "
    "same rows tells them apart."
)
RULE = (
    "A difference counts if its intervals under both fits, of unscaled and of standardized columns, are on the same "
    "side of zero."
)
NOT_ABSENT = "Not shown does not mean absent: what would have been missed is said below, under what could be found."
ENDS = "it is also what knowledge of {} makes that ends at the cut, for the fit trusts it after the cut too"


def leakage(study: Study) -> Finding:
    """On which side of zero lookahead and gain are, by both co-primary fits.

    An audit's models have no order: either side of zero shows that one of them knows more, and the answer names it.
    """
    sides = study.sides()
    if not sides:
        answer = "Not measured: one model alone cannot show it."
        return Finding(question=QUESTION, outcome="not measured", answer=answer, because=[ONE_MODEL])
    outcome, answer = _lead(study, sides)
    because = [NOT_ABSENT] if outcome == "not shown" else []
    return Finding(
        question=QUESTION,
        outcome=outcome,
        answer=answer,
        because=[*because, lookahead_note(study.relation), *_hypotheses(study)],
        each=[_compared(study, pair, own) for pair, own in sides.items()] if len(sides) > 1 else [],
        figures=[own for pair in sides for metric in HEADLINES for own in study.quoted.of_pair(pair, metric)],
        doubts=[*_ambiguous(sides), *_undecided(study, sides)],
    )


def differing(study: Study) -> Finding:
    """The pairs that a headline figure tells apart."""
    sides = study.sides()
    if not sides:
        return Finding(question=WHICH, outcome="not measured", answer="Only one model was measured.")
    told = [
        f"{pair} {HEADLINES[metric]}"
        for pair, own in sides.items()
        for metric, side in own.items()
        if side != "undecided"
    ]
    return Finding(
        question=WHICH,
        outcome="shown" if told else "not shown",
        answer=f"Clear of zero under both fits: {'; '.join(told)}." if told else "None that this study can tell apart.",
        because=[f"Compared: {', '.join(sides)}. {RULE}"],
        figures=[own for pair in sides for own in study.quoted.of_pair(pair, "reduction")],
        doubts=["The reduction is the reference's figure: its sign does not tell which model knows more."],
    )


def _lead(study: Study, sides: Mapping[str, Sides]) -> tuple[Outcome, str]:
    if study.relation == "untrained":
        words = "; ".join(_compared(study, pair, own).rstrip(".") for pair, own in sides.items())
        return "fact", f"Not the question of this run, whose base had read nothing: {words}."
    outcomes = {pair: _outcome(own.values(), study.relation) for pair, own in sides.items()}
    if len(sides) == 1:
        [(pair, own)] = sides.items()
        return outcomes[pair], f"{WORDS[outcomes[pair]]}: {_compared(study, pair, own)}"
    for outcome in ("shown", "partly"):
        if found := [_better(pair, sides[pair]) for pair, own in outcomes.items() if own == outcome]:
            answer = f"{WORDS[outcome]}, by {len(found)} of {len(sides)} comparisons: {'; '.join(found)}."
            n_more = list(outcomes.values()).count("partly") if outcome == "shown" else 0
            return outcome, f"{answer} In part, by {n_more} more." if n_more else answer
    return "not shown", f"Not shown by any of {len(sides)} comparisons."


def _outcome(sides: Iterable[Verdict], relation: Relation) -> Outcome:
    """Of a trained model and its base, leakage is what the base has more; of an audit's models, what either has."""
    found = set(sides)
    clear = found - {"undecided"} if relation == "separate" else found & {"above zero"}
    if not clear:
        return "not shown"
    return "shown" if len(found) == 1 else "partly"


def _better(pair: str, sides: Sides) -> str:
    """`trained better than base`; the pair where its figures have opposite signs."""
    found = set(sides.values()) - {"undecided"}
    one, other = models_of(pair)
    if len(found) != 1:
        return f"{pair} with opposite signs"
    return f"{one} better than {other}" if found == {"above zero"} else f"{other} better than {one}"


def _compared(study: Study, pair: str, sides: Sides) -> str:
    """`base predicts better than trained on unseen stocks and days; base and trained cannot be told apart on ...`."""
    one, other = models_of(pair)
    contradicted = [metric for metric in sides if study.contradicts(pair, metric)]
    if set(sides.values()) == {"undecided"} and not contradicted:
        return f"{one} and {other} cannot be told apart, neither {' nor '.join(HEADLINES.values())}."
    words = {
        "above zero": f"{one} predicts better than {other}",
        "below zero": f"{other} predicts better than {one}",
        "undecided": f"{one} and {other} cannot be told apart",
    }
    told = (
        f"the two fits contradict each other {HEADLINES[metric]}"
        if side == "undecided" and metric in contradicted
        else f"{words[side]} {HEADLINES[metric]}"
        for metric, side in sides.items()
    )
    return f"{'; '.join(told)}."


def _ambiguous(sides: Mapping[str, Sides]) -> Iterator[str]:
    """A gain that lookahead does not support: knowledge that ends at the cut makes one too (docs/measure.md)."""
    for pair, own in sides.items():
        lookahead, gain = own["lookahead"], own["gain"]
        if gain == "undecided" or lookahead == gain:
            continue
        one, other = models_of(pair)
        worse = other if gain == "above zero" else one
        if lookahead == "undecided":
            yield f"The gain of {pair} alone says little: {ENDS.format(worse)}."
        else:
            yield (
                f"Lookahead and gain of {pair} have opposite signs: {ENDS.format(worse)}. If the two differ in their "
                f"knowledge alone, {worse} knows more, and the gain is no knowledge of the other."
            )


def _undecided(study: Study, sides: Mapping[str, Sides]) -> Iterator[str]:
    for pair, own in sides.items():
        for metric, side in own.items():
            found = study.robust.pairs[pair].conclusions.get(metric)
            if side == "undecided" and found:
                yield f"{study.named(pair, metric).capitalize()} is undecided. {sentence(found.reason)}"


def _hypotheses(study: Study) -> Iterator[str]:
    for own in study.robust.pairs.values():
        if own.answer:
            yield f"Stated before the run: {sentence(own.answer.statement)} The answer: {own.answer.verdict}."
