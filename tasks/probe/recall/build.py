"""From items, answers, panel and predictions to `recall.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
from pydantic import JsonValue

from tasks.common.progress import Progress
from tasks.probe.recall.concentration import concentrations
from tasks.probe.recall.config import RecallConfig
from tasks.probe.recall.contamination import contamination
from tasks.probe.recall.curves import Documents, choose_period, curve_of
from tasks.probe.recall.facts import fact_scores
from tasks.probe.recall.questions import ASKED, variant_scores
from tasks.probe.recall.read import Read
from tasks.sampling.arrays import FloatArray
from tasks.schemas.predictions import RowPredictions
from tasks.schemas.recall import Concentration, Curve, ModelRecall, PairRecall, Period, Recall
from tasks.schemas.scores import pair_of

NO_SCORES = "the run has no scores with predictions by row"


def write_recall(config: RecallConfig, inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
    """Write the figures.

    Args:
        config: Cutoffs, compared models, periods and draws.
        inputs: Folders of `items`, `panel`, each model's answers by its name and, where there is one, `premium`.
        folder: Where `recall.json` goes.

    Returns:
        The headline figures.

    Raises:
        RecallError: If answers, items and panel do not fit together.
    """
    read = Read(config, inputs)
    predictions = RowPredictions(inputs["premium"]).table() if "premium" in inputs else None
    found = measure_recall(read, predictions, config)
    (folder / "recall.json").write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return facts_of(found)


def measure_recall(read: Read, predictions: pd.DataFrame | None, config: RecallConfig) -> Recall:
    """All figures of all models and pairs.

    Args:
        read: Items and answers.
        predictions: The table of RowPredictions; None where there is none.
        config: Cutoffs, compared models, periods and draws.
    """
    documents, pairs = Documents.of(read.documents, config), read.pairs(config)
    period = choose_period(documents.days) if config.period == "auto" else config.period
    progress = Progress("recall", len(read.models) + len(pairs), "curves")
    measure = _Measure(read, documents, period, predictions, config)
    models, compared = {}, {}
    for name in read.models:
        models[name] = measure.model(name)
        progress.add()
    for pair in pairs:
        compared[pair_of(*pair)] = measure.pair(pair)
        progress.add()
    return Recall(
        period=period,
        unit=config.unit,
        n_draws=config.n_draws,
        n_change_draws=config.n_change_draws,
        days_per_run=read.rows.intervals.days_per_run if read.rows else None,
        models=models,
        pairs=compared,
        contamination=contamination(documents.overlap, config.overlap_bounds, read.panel_overlap),
    )


@dataclass(frozen=True, eq=False)
class _Measure:
    read: Read
    documents: Documents
    period: Period
    predictions: pd.DataFrame | None
    config: RecallConfig

    def model(self, name: str) -> ModelRecall:
        cutoff, rows = self.config.cutoffs.get(name), self.read.rows
        return ModelRecall(
            cutoff=cutoff,
            reading=self.read.reading[name],
            curve=self._curve(self.read.bits(name), cutoff),
            questions=variant_scores(self.read.questions_of(name), rows, cutoff) if rows else {},
            facts=fact_scores(self.read.facts_of(name), cutoff, self.config.unit),
        )

    def pair(self, pair: tuple[str, str]) -> PairRecall:
        bits = self.read.bits(pair[0]) - self.read.bits(pair[1])
        found, why = self._concentration(pair)
        return PairRecall(
            curve=self._curve(bits, self.config.cutoffs.get(pair[1])), concentration=found, why_no_concentration=why
        )

    def _curve(self, bits: FloatArray, cutoff: date | None) -> Curve:
        return curve_of(bits, self.documents, cutoff, self.period, self.config)

    def _concentration(self, pair: tuple[str, str]) -> tuple[list[Concentration], str]:
        rows, answers = self.read.rows, self.read.questions_of(pair[0])
        if rows is None or ASKED not in answers:
            return [], "no question was asked"
        if self.predictions is None:
            return [], NO_SCORES
        found = list(concentrations(pair, answers[ASKED], self.predictions, rows, self.read.numbers))
        return found, "" if found else "no row that was asked about has predictions of both models"


def facts_of(found: Recall) -> dict[str, JsonValue]:
    """The headline figures, for the artifact's record."""
    return {
        "n_documents": {name: own.curve.change.n_documents for name, own in found.models.items()},
        "change_point": {
            name: str(own.curve.change.day) if own.curve.change.day else None
            for name, own in {**found.models, **found.pairs}.items()
        },
        "auc": {
            name: _rounded(own.questions[ASKED].overall.auc.point)
            for name, own in found.models.items()
            if ASKED in own.questions
        },
        "recognised_before": {name: _rounded(own.facts.before.point) for name, own in found.models.items()},
        "recognised_after": {name: _rounded(own.facts.after.point) for name, own in found.models.items()},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
