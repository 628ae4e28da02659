"""Run the checks, print them as a table, and publish them only if all passed."""

import logging
from pathlib import Path

from pydantic import JsonValue

from tasks.artifacts import Check, Preflight
from tasks.errors import HindsightError
from tasks.preflight.checks import Inputs, all_checks

log = logging.getLogger(__name__)


class PreflightFailed(HindsightError):
    """Something would have failed after a GPU was rented."""


def write_preflight(inputs: Inputs, folder: Path) -> dict[str, JsonValue]:
    """Check a recipe against its inputs; leaves `checks.json`.

    Raises:
        PreflightFailed: With every failed check's sentence.
    """
    checks = all_checks(inputs)
    for check in checks:
        log.info(
            "preflight: %-4s %-42s %s (%s)", "ok" if check.passed else "FAIL", check.name, check.value, check.bound
        )
    refuse_failed(checks)
    (folder / "checks.json").write_text(Preflight(checks=checks).model_dump_json(indent=1) + "\n")
    return {"n_checks": len(checks)}


def refuse_failed(checks: list[Check]) -> None:
    """Raise PreflightFailed if any check has not passed."""
    if failed := [check for check in checks if not check.passed]:
        sentences = [f"{check.name}: {check.value}, bound: {check.bound}. {check.way_out}".strip() for check in failed]
        raise PreflightFailed(f"{len(failed)} of {len(checks)} checks failed. {' '.join(sentences)}")
