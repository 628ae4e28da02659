"""What does the ladder of cutoffs say? Each family's verdict, with r and its interval under both fits."""

from collections.abc import Iterator, Mapping
from datetime import date

from tasks.common.text import bounds, signed
from tasks.report.quoted_ladders import quoted_ladders
from tasks.report.tables.ladder import VERDICTS, smallest_shares
from tasks.report.text import sentence
from tasks.report.verdict.study import Study
from tasks.schemas.ladders import Ladder, LadderVerdict
from tasks.schemas.results import Finding, Outcome, QuotedLadder, QuotedShare

QUESTION = "What does the ladder of cutoffs say?"
OUTCOMES: Mapping[LadderVerdict, Outcome] = {
    **{"tent": "shown", "tent or rising": "partly", "no fit": "not measured"},
    **dict.fromkeys(("rising", "flat", "below zero", "undecided"), "not shown"),
}
MEANING = (
    "A ladder is a family of models that differ in their cutoff, the last day of their text. A share r of lookahead is "
    "how much of the variance of the returns that end by its cutoff a model carries: 0 is none, 1 all. It makes the "
    "premium rise up to the cut and fall behind it: a tent, drawn among the figures."
)


def ladder_answer(study: Study) -> Finding | None:
    """The answer; None where the run has no ladder."""
    quoted = quoted_ladders(study.quoted)
    if not quoted:
        return None
    found = study.robust.ladders
    return Finding(
        question=QUESTION,
        outcome=_outcome({OUTCOMES[own.verdict] for own in quoted}),
        answer=" ".join(_answer(own) for own in quoted),
        because=[text for own in quoted for text in _power(own.family, found[own.family])]
        + ([MEANING] if any(own.shares for own in quoted) else []),
        doubts=[text for own in quoted for text in _doubts(own, study.scores.cut)],
    )


def _outcome(found: set[Outcome]) -> Outcome:
    if len(found) == 1:
        return next(iter(found))
    return "partly" if found & {"shown", "partly"} else "not shown"


def _answer(own: QuotedLadder) -> str:
    found, why = VERDICTS[own.verdict]
    if not own.shares:
        return f"{own.family}: {found}, {own.reason}."
    shares = ", ".join(_share(share) for share in own.shares if share.against == "flat")
    return " ".join([f"{own.family}: {found}, share r = {shares}.", why]).rstrip()


def _share(own: QuotedShare) -> str:
    ends = None if own.low is None or own.high is None else (own.low, own.high)
    return f"{signed(own.point)} {bounds(ends) if ends else '(no interval)'} with {own.fit} columns"


def _power(family: str, ladder: Ladder) -> Iterator[str]:
    if power := smallest_shares(ladder):
        yield f"{family}: the smallest r found with 80 % power is {power}."


def _doubts(own: QuotedLadder, cut: date) -> Iterator[str]:
    if not own.shares:
        return
    if own.verdict == "undecided":
        yield sentence(f"{own.family}: {own.reason}")
    elif own.verdict != "tent":
        beside = ", ".join(_share(share) for share in own.shares if share.against == "line")
        yield f"{own.family}: beside a straight line over the cutoffs, r is {beside}."
    if own.verdict == "flat":
        yield "Flat excludes the shares outside the interval, and no others."
    if not any(rung.cutoff > cut for rung in own.rungs):
        yield f"{own.family} has no cutoff after the cut: there a tent is nearly a straight line."
    for why in dict.fromkeys(share.why_none for share in own.shares if share.why_none):
        yield sentence(f"{own.family}: r has no figure or no interval, for {why}")
