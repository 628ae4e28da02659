"""What the template shows of the robust figures, as text."""

from typing import Any

from tasks.report.figures import robust as figures
from tasks.report.tables import decomposition as parts
from tasks.report.tables import robust as tables
from tasks.report.text import bounds, dropped, reasons, round_bounds, signed
from tasks.schemas.scores import PremiumScores, RobustScores

NO_PLACEBO = (
    "No placebo arm was run: what training alone does is not told apart from what the cutoff does. The recipe's switch "
    "placebo adds one, of as many tokens from after the cutoff."
)


def robust_part(scores: PremiumScores, is_pretrained: bool | None) -> dict[str, Any] | None:
    """Everything the robust sections need; None where the recipe left them out.

    Args:
        scores: With or without the robust figures.
        is_pretrained: Whether the base had read anything before training; None where its record does not say.
    """
    if scores.robust is None:
        return None
    robust = scores.robust
    return {
        "scores": robust,
        "answer": _answer(robust, is_pretrained),
        "premiums_figure": figures.premiums(robust),
        "dropped": dropped(robust.dropped_draws),
        **_parts(robust, is_pretrained),
        **_controls(robust),
        "splits": tables.splits(robust.splits),
        "sensitivity": tables.sensitivity(robust.sensitivity),
        "missing_sensitivity": reasons(tables.missing_sensitivity(robust.sensitivity)),
        "power_words": tables.power_words(robust.power, robust.reduction.point) if robust.power else "",
    }


def lookahead_note(is_pretrained: bool | None) -> str:
    """What base - trained may be called, and why."""
    if is_pretrained is False:
        return (
            "Training started from weights that had read nothing, so that all the trained model knows lies in its "
            "corpus. The base is those weights themselves and holds no hindsight either: its lookahead is what reading "
            "the corpus is worth, with the sign turned."
        )
    said = "The base had read" if is_pretrained else "The base's record does not say that it had read nothing"
    return (
        f"{said} before this training began, and continued training removes nothing the base already knows: base - "
        "trained is what training changed, not the hindsight in the base."
    )


def _answer(robust: RobustScores, is_pretrained: bool | None) -> dict[str, str] | None:
    answer = robust.answer
    if answer is None:
        return None
    return {
        "verdict": answer.verdict,
        "statement": answer.statement,
        "metric": tables.metric_name(answer, is_pretrained),
        "at_least": signed(answer.at_least),
        "point": signed(answer.estimate.point),
        "two_way": bounds(answer.estimate.two_way),
        "jackknife": round_bounds(answer.estimate.jackknife),
        "reason": answer.reason[:1].upper() + answer.reason[1:],
    }


def _parts(robust: RobustScores, is_pretrained: bool | None) -> dict[str, Any]:
    return {
        "models": list(parts.models_of(robust)),
        "parts": parts.decomposition(robust),
        "parts_figure": figures.decomposition(robust),
        "differences": parts.differences(robust, is_pretrained),
        "notes": [lookahead_note(is_pretrained), *([] if robust.placebo else [NO_PLACEBO])],
        "missing_parts": reasons(parts.missing_parts(robust)),
        "missing_differences": reasons(parts.missing_differences(robust, is_pretrained)),
    }


def _controls(robust: RobustScores) -> dict[str, Any]:
    return {
        "controls": tables.controls(robust.controls),
        "controls_figure": figures.controls(robust),
        "missing_controls": reasons(tables.missing_controls(robust.controls)),
    }
