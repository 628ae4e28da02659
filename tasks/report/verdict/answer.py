"""All questions and their answers: five, and one each for ladders and recall probes where the run has them.

A ladder's comes second: of a family of models, what all of them show says more than what two of them do.
"""

from tasks.report.quoted import Quoted
from tasks.report.tables.decomposition import Relation
from tasks.report.verdict.intervals import detectable, trusted
from tasks.report.verdict.ladder import ladder_answer
from tasks.report.verdict.leakage import QUESTION, differing, leakage
from tasks.report.verdict.recall import recall_answer
from tasks.report.verdict.shares import shared_days
from tasks.report.verdict.study import Study
from tasks.schemas.recall import Recall
from tasks.schemas.results import Finding


def verdict(quoted: Quoted, relation: Relation, recall: Recall | None = None) -> list[Finding]:
    """Answer the questions; without robust scores the first five have one answer, that none follows.

    Args:
        quoted: The scores and their artifact's digest.
        relation: What the reference model was before it became the other one of a pair.
        recall: What the recall probes found; None where the run has none.
    """
    return [*_of_scores(quoted, relation), *(own for own in [recall_answer(recall)] if own)]


def _of_scores(quoted: Quoted, relation: Relation) -> list[Finding]:
    robust = quoted.scores.robust
    if robust is None:
        return [
            Finding(
                question=QUESTION,
                outcome="not measured",
                answer="Not measured: the recipe left out the robust inference (premium.robust is null).",
                because=["From the figures of the reference contract alone follows no verdict."],
            )
        ]
    study = Study(quoted, robust, relation)
    ladder = [own for own in [ladder_answer(study)] if own]
    return [leakage(study), *ladder, shared_days(study), differing(study), detectable(study), trusted(study)]
