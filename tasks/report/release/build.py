"""Writes `report.html`, `table.json` and `README.md`, the model card, of a release."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from tasks.report.direction.tables import headline
from tasks.report.release.config import ReleaseReportConfig
from tasks.report.release.page import Released, model_card, render
from tasks.schemas.artifacts import Preflight
from tasks.schemas.direction import DirectionScores
from tasks.schemas.examples import Mix, TokenizedExamples
from tasks.schemas.release import MODELFILE, Release
from tasks.store.records import Record

ALIGNED = {"chat_rows": "supervised fine-tuning", "preference_rows": "preference training"}
"""Inputs whose first examples are shown, with the name of their training."""


def write_release_report(
    config: ReleaseReportConfig,
    inputs: Mapping[str, Path],
    records: Sequence[Record],
    folder: Path,
    lost: Sequence[str] = (),
) -> dict[str, JsonValue]:
    """Write the page, the headline figures and the model card.

    Args:
        config: Title, licence, and whether the run is only a smoke test.
        inputs: Folders of `release`, `evaluate`, `mix`, `preflight`, `chat_rows` and `preference_rows`.
        records: All artifacts the release came from, sources first.
        folder: Where the files are written.
        lost: A sentence for each rented machine on which one of the artifacts was lost before it was made.

    Returns:
        Facts: number of artifacts on the page.
    """
    found = Released(
        release=Release.read(inputs["release"]),
        modelfile=(inputs["release"] / MODELFILE).read_text(encoding="utf-8"),
        scores=DirectionScores.read(inputs["evaluate"]),
        counts=Mix(inputs["mix"]).counts(),
        rendered={title: TokenizedExamples(inputs[name]).rendered() for name, title in ALIGNED.items()},
        tokenized={title: TokenizedExamples(inputs[name]).counts() for name, title in ALIGNED.items()},
        checks=Preflight.read(inputs["preflight"]).checks,
        records=records,
        lost=lost,
    )
    (folder / "report.html").write_text(render(config, found), encoding="utf-8")
    (folder / "table.json").write_text(json.dumps(headline(found.scores), indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(model_card(config, found), encoding="utf-8")
    return {"n_artifacts": len(records), "plumbing_only": config.plumbing_only}
