"""How many questions about formulas are answered right, with intervals by family: those of a family are alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.sampling.arrays import FloatArray
from tasks.sampling.clusters import MIN_CLUSTERS, cluster_half_width
from tasks.sampling.row_figures import FLAT, NO_SPREAD
from tasks.schemas.direction import FamilyFigure, Knowledge

Questions = Sequence[Mapping[str, Any]]
"""A mapping per question: id, group, right, chosen and n_answers."""


def knowledge_scores(answers: Mapping[str, Questions]) -> dict[str, Knowledge]:
    """Each model's accuracy, and its difference from each model before it on the questions that both were asked.

    Args:
        answers: By model, in order; models without a question are left out.
    """
    found: dict[str, Knowledge] = {}
    for name, questions in answers.items():
        if not questions:
            continue
        right = _right(questions)
        found[name] = Knowledge(
            n_questions=len(questions),
            n_right=int(right.sum()),
            n_families=len({own["group"] for own in questions}),
            chance=float(np.mean([1 / own["n_answers"] for own in questions])),
            accuracy=by_family(right, [own["group"] for own in questions], (0.0, 1.0)),
            differences={earlier: _difference(questions, answers[earlier]) for earlier in found},
        )
    return found


def by_family(values: FloatArray, families: Sequence[str], bounds: tuple[float, float]) -> FamilyFigure:
    """A mean over questions, with the interval that treats a family's questions as one observation.

    Args:
        values: (n_questions,).
        families: Of each question.
        bounds: No interval goes beyond them.
    """
    if not len(values):
        return FamilyFigure(point=None, why_none="no question was put to both")
    point = float(values.mean())
    half_width = cluster_half_width(values - point, families, len(values))
    if half_width is None:
        why = f"its questions are of {len(set(families))} families, and an interval needs {MIN_CLUSTERS}"
        return FamilyFigure(point=point, why_none=why)
    if not half_width > FLAT:
        return FamilyFigure(point=point, why_none=NO_SPREAD.replace("rows", "families"))
    ends = (max(point - half_width, bounds[0]), min(point + half_width, bounds[1]))
    return FamilyFigure(point=point, by_family=ends)


def _difference(questions: Questions, earlier: Questions) -> FamilyFigure:
    before = dict(zip((own["id"] for own in earlier), _right(earlier), strict=True))
    shared = [own for own in questions if own["id"] in before]
    values = _right(shared) - np.array([before[own["id"]] for own in shared])
    return by_family(values, [own["group"] for own in shared], (-1.0, 1.0))


def _right(questions: Questions) -> FloatArray:
    return np.array([own["chosen"] == own["right"] for own in questions], dtype=np.float64)
