"""All five questions and their answers."""

from tasks.report.quoted import Quoted
from tasks.report.tables.decomposition import Relation
from tasks.report.verdict.intervals import detectable, trusted
from tasks.report.verdict.leakage import QUESTION, differing, leakage
from tasks.report.verdict.shares import shared_days
from tasks.report.verdict.study import Study
from tasks.schemas.results import Finding


def verdict(quoted: Quoted, relation: Relation) -> list[Finding]:
    """Answer the five questions; without robust scores there is one answer, that none follows.

    Args:
        quoted: The scores and their artifact's digest.
        relation: What the reference model was before it became the other one of a pair.
    """
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
    return [leakage(study), shared_days(study), differing(study), detectable(study), trusted(study)]
