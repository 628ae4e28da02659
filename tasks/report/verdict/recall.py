"""What does the model recall? Directions told from entity and day alone, and where its text seems to end."""

from collections.abc import Iterator

from tasks.report.direction.cells import ends, points, share
from tasks.report.tables.recall import apparent_cutoff, in_short, moved, recalled, tells_directions, unlike
from tasks.schemas.recall import ModelRecall, Recall
from tasks.schemas.results import Finding

ONE, SEVERAL = "What does the model recall?", "What do the models recall?"
LITTLE_MASS = 0.1
"""Below, the two answers are so rarely said that a preference among them means little."""
FEW = 3
"""So many models have a sentence each; of more, those that recall are counted."""


def recall_answer(found: Recall | None) -> Finding | None:
    """The answer; None where the run has no recall probes."""
    if found is None:
        return None
    cutoffs = [apparent_cutoff(name, own.curve) for name, own in found.models.items()]
    asked = {name: own for name, own in found.models.items() if own.questions}
    told = [recalled(name, own) for name, own in asked.items()]
    lead, rest = ([in_short(name, own) for name, own in asked.items()], [*told, *cutoffs]) if told else (cutoffs, [])
    if len(found.models) > FEW:
        lead, rest = _counted(found), []
    return Finding(
        question=ONE if len(found.models) == 1 else SEVERAL,
        outcome="fact",
        answer=" ".join(lead),
        because=[
            *rest,
            *(
                moved(pair, own.curve) + unlike(found, pair)
                for pair, own in found.pairs.items()
                if len(found.pairs) <= FEW
            ),
            *(text for name, own in found.models.items() for text in _facts(name, own)),
        ],
        doubts=[*_doubts(found)],
    )


def _counted(found: Recall) -> list[str]:
    n = len(found.models)
    asked = [own for own in found.models.values() if own.questions]
    clear = sum(map(tells_directions, asked))
    rises = sum(own.curve.change.day is not None and (own.curve.change.rise or 0) > 0 for own in found.models.values())
    told = [f"{clear} of {len(asked)} models tell directions from entity and day alone."] if asked else []
    return [*told, f"Bits per byte of {rises} of {n} models rise after an apparent cutoff."]


def _facts(name: str, own: ModelRecall) -> Iterator[str]:
    before, after = own.facts.before, own.facts.after
    if before.point is not None and after.point is not None:
        yield (
            f"{name} recognises {share(before.point)} {ends(before.interval)} of the dated facts up to its cutoff and "
            f"{share(after.point)} {ends(after.interval)} of those after it; chance is {share(own.facts.chance)}."
        )


def _doubts(found: Recall) -> Iterator[str]:
    for name, own in found.models.items():
        after, chance = own.facts.after, own.facts.chance
        if after.interval and chance is not None and after.interval[0] > chance:
            yield (
                f"{name} recognises facts from after its stated cutoff more often than by chance ({share(after.point)} "
                f"{ends(after.interval)}, chance {share(chance)}): it knows more than is stated, or the items can be "
                "guessed."
            )
    for name, own in found.models.items():
        asked = own.questions.get("date_only")
        if asked is None:
            continue
        if asked.mass is not None and not asked.mass >= LITTLE_MASS:
            yield f"{name} says one of the two answers with probability {share(asked.mass)}: it hardly answers."
        for variant, control in own.questions.items():
            beyond = control.beyond_control
            if variant == "entity_neutral" and beyond.by_date and not beyond.by_date[0] > 0:
                yield (
                    f"{name} does not clearly tell more with the entity named than from the day alone "
                    f"({points(beyond.point)} {ends(beyond.by_date, points)}): it may know the market's move, not the "
                    "entity's."
                )
    if not any(own.questions for own in found.models.values()):
        yield "No question was asked about the panel's rows."
    for name, own in found.models.items() if len(found.models) <= FEW else ():
        if why := own.curve.rise.why_none:
            yield f"{name}: nothing is known of before and after its cutoff, for {why}."
