"""The gates of a release: what the training and the evaluation must have shown, beside the export's own gates."""

import math
from collections.abc import Iterator

from tasks.release.config import ReleaseConfig
from tasks.release.errors import GatesFailed
from tasks.schemas.artifacts import Checkpoint
from tasks.schemas.direction import QUOTED, DirectionScores
from tasks.schemas.examples import Gate

LN_2 = math.log(2)
PLANTED, BASE, FINAL = "planted", "base", "final"


def release_gates(config: ReleaseConfig, preference: Checkpoint, scores: DirectionScores) -> Iterator[Gate]:
    """The gates that training and evaluation decide.

    Args:
        config: The bounds.
        preference: The checkpoint of the preference training.
        scores: Of the hold-out.
    """
    yield _first_loss(config, preference)
    yield _planted_control(config, scores)
    if config.min_accuracy_gain is not None:
        yield _gain(config.min_accuracy_gain, scores)


def check_gates(gates: list[Gate]) -> None:
    """Raise GatesFailed, naming each failed gate."""
    if failed := [gate for gate in gates if not gate.passed]:
        named = " ".join(f"{gate.name}: {gate.value}, bound: {gate.bound}." for gate in failed)
        raise GatesFailed(f"{len(failed)} of {len(gates)} gates failed; nothing is released. {named}")


def _first_loss(config: ReleaseConfig, preference: Checkpoint) -> Gate:
    loss = float(str(preference.metrics()[0]["loss"]))
    return Gate(
        name="first preference loss",
        passed=abs(loss - LN_2) <= config.first_loss_tolerance,
        value=f"{loss:.8f}",
        bound=f"ln 2 = {LN_2:.8f} within {config.first_loss_tolerance:g}: the model starts as its own reference",
    )


def _planted_control(config: ReleaseConfig, scores: DirectionScores) -> Gate:
    name, bound = "planted control", f"at least {config.min_planted_accuracy:g} on the {QUOTED} hold-out"
    if PLANTED not in scores.models:
        return Gate(name=name, passed=False, value="not among evaluate.models", bound=bound)
    accuracy = scores.models[PLANTED].splits[QUOTED].accuracy.point
    shown = "none" if accuracy is None else f"{accuracy:.3f}"
    return Gate(
        name=name, passed=accuracy is not None and accuracy >= config.min_planted_accuracy, value=shown, bound=bound
    )


def _gain(at_least: float, scores: DirectionScores) -> Gate:
    """The final model beside the untrained base, row by row."""
    name, bound = "accuracy gain", f"lower end of its interval by date at least {at_least:+g}, {QUOTED} hold-out"
    found = [own.difference for own in scores.comparisons if (own.model, own.reference) == (FINAL, BASE)]
    if not found or found[0].by_date is None:
        why = found[0].why_none if found else f"{FINAL} was not compared with {BASE}"
        return Gate(name=name, passed=False, value=why, bound=bound)
    low, high = found[0].by_date
    return Gate(
        name=name, passed=low >= at_least, value=f"{found[0].point:+.3f} [{low:+.3f}, {high:+.3f}]", bound=bound
    )
