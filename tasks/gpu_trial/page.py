"""The page of a trial, in the report's layout: what each part found, and what it decides. All text is escaped."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.common.fsync import write_durably
from tasks.gpu_trial.parts import PARTS
from tasks.gpu_trial.schema import GpuTrial, PartRecord
from tasks.gpu_trial.trial import RECORD
from tasks.report.config import ReportConfig
from tasks.report.page import template
from tasks.report.text import sentence

PAGE = "trial.html"
LONGEST_VALUE = 200


def write_trial(trial: GpuTrial, folder: Path) -> None:
    """Replace the record and the page."""
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / RECORD, trial.model_dump_json(indent=1) + "\n")
    write_durably(folder / PAGE, render(trial))


def render(trial: GpuTrial) -> str:
    """HTML that loads nothing from elsewhere."""
    described = {part.name: part for part in PARTS}
    return template("gpu_trial.html").render(
        config=ReportConfig(title="GPU trial", plumbing_only=trial.size == "small"),
        trial=trial,
        n_passed=sum(record.passed for record in trial.parts),
        summary=[summary_row(record) for record in trial.parts],
        sections=[
            {
                "record": record,
                "runs": sentence(described[record.name].runs) if record.name in described else "",
                "decides": described[record.name].decides if record.name in described else "",
                "checks": check_rows(record),
                "figures": figure_rows(record.figures),
            }
            for record in trial.parts
        ],
    )


def summary_row(record: PartRecord) -> dict[str, str]:
    """A part in the first table, and in the command's."""
    failed = [check.name for check in record.checks if not check.passed]
    outcome = f"out of bounds: {', '.join(failed)}" if failed else "in bounds"
    return {
        "part": record.name,
        "status": record.status,
        "seconds": f"{record.seconds:.0f}",
        "limit": f"{record.limit_seconds:.0f}",
        "outcome": outcome if record.status == "finished" else record.error,
    }


def check_rows(record: PartRecord) -> list[dict[str, str]]:
    """A part's figures beside their bounds, with ways out if something is out of its bound."""
    rows = []
    for check in record.checks:
        row = {"": "ok" if check.passed else "FAIL", "check": check.name, "found": check.value, "bound": check.bound}
        rows.append(row if record.passed else row | {"way out": "" if check.passed else check.way_out})
    return rows


def figure_rows(figures: Mapping[str, JsonValue], before: str = "") -> list[dict[str, str]]:
    """Figures by name; a mapping's with its name before theirs."""
    rows = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += figure_rows(value, f"{before}{name}.")
        else:
            shown = f"{value:.6g}" if isinstance(value, float) else str(value)
            rows.append({"figure": f"{before}{name}".replace("_", " "), "value": shown[:LONGEST_VALUE]})
    return rows
