"""Writes `report.html` and `table.json` of a direction check."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from tasks.report.direction.config import DirectionReportConfig
from tasks.report.direction.page import render
from tasks.report.direction.tables import headline
from tasks.schemas.direction import DirectionScores
from tasks.store.records import Record


def write_direction_report(
    config: DirectionReportConfig, inputs: Mapping[str, Path], records: Sequence[Record], folder: Path
) -> dict[str, JsonValue]:
    """Write the page and its headline figures.

    Args:
        config: Title, and whether the run is only a smoke test.
        inputs: Folder of `evaluate`.
        records: All artifacts the scores came from, sources first.
        folder: Where the files are written.

    Returns:
        Facts: number of artifacts on the page.
    """
    scores = DirectionScores.read(inputs["evaluate"])
    (folder / "report.html").write_text(render(config, scores, records), encoding="utf-8")
    (folder / "table.json").write_text(json.dumps(headline(scores), indent=1) + "\n", encoding="utf-8")
    return {"n_artifacts": len(records), "plumbing_only": config.plumbing_only}
