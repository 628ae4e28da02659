"""Checks of an audit's ladders before anything is rented: one architecture per family, and rungs that differ."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from tasks.common.errors import HindsightError
from tasks.embed.architecture import read_architecture
from tasks.schemas.artifacts import Check, ModelFolder
from tasks.schemas.check_lines import info_line
from tasks.schemas.ladders import MIN_RUNGS

if TYPE_CHECKING:
    from tasks.preflight.audit import AuditInputs

SIZES = {"hidden_size": "wide", "num_hidden_layers": "layers", "vocab_size": "tokens"}
ONE = "one architecture, unless allow_mixed_families is set"


def ladder_checks(inputs: "AuditInputs") -> Iterator[Check]:
    """Two checks per family: whether its models are of one architecture, and what a ladder of them can show."""
    for family, names in inputs.audit.ladders.items():
        yield _one_architecture(inputs, family)
        cutoffs = {name: inputs.audit.cutoffs[name] for name in names}
        yield info_line(f"ladder {family}", _rungs(cutoffs, inputs.ends))


def _one_architecture(inputs: "AuditInputs", family: str) -> Check:
    """Read from the models' configs; of vectors brought along only their width is known."""
    members = [model.name for model in inputs.audit.models if model.family == family]
    name = f"ladder {family}: models"
    try:
        found = {member: _architecture(inputs, member) for member in members}
    except HindsightError as error:
        return Check(name=name, passed=False, value=str(error), bound=ONE)
    differ = _differing(found)
    text = "; ".join(f"{member}: {', '.join(own.values())}" for member, own in found.items())
    value = f"they differ in {', '.join(differ)} ({text})" if differ else ", ".join(next(iter(found.values())).values())
    return Check(
        name=name,
        passed=not differ or inputs.audit.allow_mixed_families,
        value=value,
        bound=ONE,
        way_out="Give each architecture a `family` of its own, as a ladder compares cutoffs, or set "
        "allow_mixed_families to compare architectures along with them.",
    )


def _architecture(inputs: "AuditInputs", name: str) -> dict[str, str]:
    if name in inputs.vectors:
        return {"hidden_size": f"{inputs.width(name):,} wide"}
    sizes = _sizes(inputs, inputs.models[name])
    return {"model_type": str(sizes["model_type"])} | {
        key: f"{sizes[key]:,} {unit}" for key, unit in SIZES.items() if isinstance(sizes.get(key), int)
    }


def _sizes(inputs: "AuditInputs", model: ModelFolder) -> Mapping[str, Any]:
    # Code of a repository is not run to read its config.
    if model.allowed_code() is not None:
        own: dict[str, Any] = json.loads(model.config_file.read_text())
        return {"model_type": own.get("model_type", "unknown"), **own}
    config = read_architecture(inputs.audit.embed, model).config
    text = config.get_text_config()
    return {"model_type": config.model_type, **{key: getattr(text, key, None) for key in SIZES}}


def _differing(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    values = defaultdict(set)
    for own in found.values():
        for key, value in own.items():
            values[key].add(value)
    return [key for key, several in values.items() if len(several) > 1]


def _rungs(cutoffs: Mapping[str, date], ends: list[date]) -> str:
    known = [f"{name} {sum(end <= cutoff for end in ends):,}" for name, cutoff in sorted(cutoffs.items(), key=_second)]
    text = f"{len(known)} rungs, which know the targets of the panel's {len(ends):,} days: {', '.join(known)}"
    if len(known) < MIN_RUNGS:
        return f"{text}; no fit, {MIN_RUNGS} rungs are needed"
    inside = sum(ends[0] <= cutoff < ends[-1] for cutoff in cutoffs.values())
    return text if inside else f"{text}; no fit, as no cutoff lies inside the panel and a tent over them is flat"


def _second(rung: tuple[str, date]) -> date:
    return rung[1]
