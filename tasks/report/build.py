"""Writes `report.html`, `table.json`, `results.json` and the trained model's card from scores, checks and records."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from tasks.report.config import ReportConfig
from tasks.report.model_card import CARD_NAME, model_card
from tasks.report.page import render
from tasks.report.results import results_of
from tasks.report.tables.corpus import corpus_section
from tasks.report.tables.headline import headline
from tasks.report.verification.evidence import Evidence
from tasks.schemas.artifacts import Preflight
from tasks.schemas.draws import TWO_WAY_NAME
from tasks.schemas.recall import Recall
from tasks.schemas.results import RESULTS_NAME
from tasks.schemas.scores import PremiumScores
from tasks.store.records import Record


def write_report(
    config: ReportConfig,
    inputs: Mapping[str, Path],
    records: Sequence[Record],
    folder: Path,
    lost: Sequence[str] = (),
) -> dict[str, JsonValue]:
    """Write the page and its headline figures.

    Args:
        config: Title, and whether the run is only a smoke test.
        inputs: Folders of `premium`, `preflight`, `corpus` unless the run is an audit, and `recall` if it has
            recall probes.
        records: All artifacts the scores came from, sources first.
        folder: Where the files are written.
        lost: A sentence for each rented machine on which one of the artifacts was lost before it was made.

    Returns:
        Facts: number of artifacts on the page, and the seconds they took.
    """
    scores, preflight = PremiumScores.read(inputs["premium"]), Preflight.read(inputs["preflight"])
    draws = np.load(inputs["premium"] / "draws.npy", allow_pickle=False)
    corpus = corpus_section(inputs["corpus"], records) if "corpus" in inputs else None
    recall = Recall.read(inputs["recall"]) if "recall" in inputs else None
    evidence = Evidence(scores, preflight, inputs.get("corpus"), records, recall)
    results = results_of(config, evidence)
    page = render(config, scores, draws, preflight, corpus, records, results, _two_way(inputs["premium"]), recall, lost)
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "table.json").write_text(json.dumps(headline(scores), indent=1) + "\n", encoding="utf-8")
    (folder / RESULTS_NAME).write_text(results.to_text(), encoding="utf-8")
    if card := model_card(config, evidence, results):
        (folder / CARD_NAME).write_text(card, encoding="utf-8")
    return {
        "n_artifacts": len(records),
        "seconds_of_all_stages": round(sum(record.seconds for record in records), 3),
        "plumbing_only": config.plumbing_only,
    }


def _two_way(premium: Path) -> np.ndarray | None:
    file = premium / TWO_WAY_NAME
    if not file.exists():
        return None
    draws: np.ndarray = np.load(file, allow_pickle=False)
    return draws
