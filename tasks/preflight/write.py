"""Run the checks, print them as a table, and publish them only if all passed."""

import logging
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from tasks.common.errors import HindsightError
from tasks.preflight.checks import Inputs, all_checks, limit_checks
from tasks.preflight.forecast import forecast
from tasks.schemas.artifacts import Check, Preflight

log = logging.getLogger(__name__)

MAX_NAME_WIDTH = 44


class PreflightFailed(HindsightError):
    """Something would have failed after a GPU was rented."""


def write_preflight(inputs: Inputs, folder: Path) -> dict[str, JsonValue]:
    """Check a recipe against its inputs; leaves `checks.json`.

    Raises:
        PreflightFailed: With every failed check's sentence.
    """
    checks = all_checks(inputs)
    say_and_refuse([*checks, *limit_checks(inputs.subject)])
    (folder / "checks.json").write_text(Preflight(checks=checks).model_dump_json(indent=1) + "\n")
    return {"n_checks": len(checks), "forecast": {stage.step: stage.facts() for stage in forecast(inputs.subject)}}


def say_and_refuse(checks: list[Check]) -> None:
    """Print a line per check, then raise PreflightFailed if any has not passed."""
    for line in table(checks):
        log.info("preflight: %s", line)
    refuse_failed(checks)


def table(checks: list[Check]) -> Iterator[str]:
    """One line per check, names in a column: verdict, name, what was found, what it was held against."""
    width = min(max(len(check.name) for check in checks), MAX_NAME_WIDTH)
    for check in checks:
        yield f"{'ok' if check.passed else 'FAIL':<4} {check.name:<{width}} {check.value} ({check.bound})"


def refuse_failed(checks: list[Check]) -> None:
    """Raise PreflightFailed if any check has not passed."""
    if failed := [check for check in checks if not check.passed]:
        sentences = [f"{check.name}: {check.value}, bound: {check.bound}. {check.way_out}".strip() for check in failed]
        raise PreflightFailed(f"{len(failed)} of {len(checks)} checks failed. {' '.join(sentences)}")
