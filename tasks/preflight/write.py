"""Runs the checks, logs them as a table, and writes them only if all passed."""

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
    """At least one check failed; without preflight the run would fail after a GPU is rented."""


def write_preflight(inputs: Inputs, folder: Path) -> dict[str, JsonValue]:
    """Check a recipe against its inputs and write `checks.json`.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    checks = all_checks(inputs)
    log_and_raise([*checks, *limit_checks(inputs.run)])
    (folder / "checks.json").write_text(Preflight(checks=checks).model_dump_json(indent=1) + "\n")
    return {"n_checks": len(checks), "forecast": {stage.step: stage.facts() for stage in forecast(inputs.run)}}


def log_and_raise(checks: list[Check]) -> None:
    """Log a line per check, then raise PreflightFailed if any failed."""
    for line in table(checks):
        log.info("preflight: %s", line)
    raise_failed(checks)


def table(checks: list[Check]) -> Iterator[str]:
    """One line per check, names in a column: verdict, name, value, bound."""
    width = min(max(len(check.name) for check in checks), MAX_NAME_WIDTH)
    for check in checks:
        yield f"{'ok' if check.passed else 'FAIL':<4} {check.name:<{width}} {check.value} ({check.bound})"


def raise_failed(checks: list[Check]) -> None:
    """Raise PreflightFailed if any check failed."""
    if failed := [check for check in checks if not check.passed]:
        sentences = [f"{check.name}: {check.value}, bound: {check.bound}. {check.way_out}".strip() for check in failed]
        raise PreflightFailed(f"{len(failed)} of {len(checks)} checks failed. {' '.join(sentences)}")
