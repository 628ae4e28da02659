"""Scores of earlier versions in the present shape, so that artifacts of older stores can be read."""

import json
from typing import Any

_RENAMED = {
    '"contract": "seed"': '"contract": "reference"',
    '"construction":': '"shared_day_effect":',
    '"metric": "construction_base"': '"metric": "shared_day_effect_base"',
}
"""Words of `scores.json` before they were renamed."""
_PAIR = "base - trained"
"""The one pair that had conclusions."""
_CONCLUDED = ("conclusions", "power", "answer")
"""What was concluded on it, and is now beside each pair."""
_CONTROL_FIGURES = ("on", "off", "date_disjoint", "disjoint", "premium", "shared_day_effect")


def present_scores(text: str) -> dict[str, Any]:
    """The fields of PremiumScores from a `scores.json` of any version."""
    for former, present in _RENAMED.items():
        text = text.replace(former, present)
    scores: dict[str, Any] = json.loads(text)
    if (robust := scores.get("robust")) and "fits" not in robust:
        scores["robust"] = _by_fit(robust)
    return scores if "models" in scores else _by_model(scores)


def _by_model(former: dict[str, Any]) -> dict[str, Any]:
    """Scores of REVISION 3, which had base and trained alone, in the present shape."""
    n_columns = former.pop("n_columns")
    models = {name: former.pop(name) | {"n_columns": n_columns} for name in ("base", "trained")}
    reduction = {"point": former.pop("premium_reduction"), "interval": former.pop("reduction_interval")}
    if robust := former.get("robust"):
        concluded = {name: robust.pop(name) for name in _CONCLUDED if name in robust}
        robust["pairs"] = {_PAIR: concluded}
    return former | {"models": models, "reductions": {_PAIR: reduction}, "pairs": [_PAIR]}


def _by_fit(former: dict[str, Any]) -> dict[str, Any]:
    """Robust scores of REVISION 2, which had one fit, in the present shape."""
    models = {name: former.pop(name) for name in ("base", "trained", "placebo") if former.get(name)}
    for parts in models.values():
        del parts["demeaned"]
    arms = {"base - placebo": "placebo_lookahead", "placebo - trained": "trained_against_placebo"}
    unknown = {"point": None, "why_none": "scores of an earlier version do not have it"}
    differences = {_PAIR: {name: former.pop(name) for name in ("lookahead", "reduction")}}
    differences |= {
        pair: {"lookahead": found, "reduction": unknown}
        for pair, name in arms.items()
        if (found := former.pop(name, None))
    }
    for control in former["controls"]:
        figures = {name: control.pop(name) for name in _CONTROL_FIGURES if name in control}
        control["fits"] = {"unscaled": figures}
    if answer := former.get("answer"):
        answer["estimates"] = {"unscaled": answer.pop("estimate")}
    dropped = ("sensitivity", "power", "why_no_power", "placebo", "base", "trained", *arms.values())
    kept = {name: value for name, value in former.items() if name not in dropped}
    return kept | {"fits": {"unscaled": {"models": models, "differences": differences}}}
