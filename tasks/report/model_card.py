"""The card of the trained model, in the Hugging Face hub's format: YAML with evaluation results, then Markdown."""

from collections.abc import Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from tasks.common.text import Row, bounds, signed
from tasks.report.config import ReportConfig
from tasks.report.page import template
from tasks.report.tables.decomposition import lookahead_note
from tasks.report.tables.provenance import relation_to_base, tokens_of
from tasks.report.verification.evidence import Evidence
from tasks.schemas.results import QuotedFigure, Results
from tasks.store.records import Record

CARD_NAME = "model_card.md"
CARD_FIGURES = ("lookahead", "gain", "disjoint", "off", "shared_day_effect", "premium")
"""Of the trained model, and of the base less it."""
MODEL = "trained"
"""The trained model's name in the scores."""


def model_card(config: ReportConfig, found: Evidence, results: Results) -> str | None:
    """The card; None where the run trained nothing.

    Args:
        config: Title, and whether the run is only a smoke test.
        found: Records and ledger.
        results: What the report says.
    """
    train = _trained(found)
    if train is None or found.corpus is None:
        return None
    base = next((own for own in found.of_kind("base") if own.ref == train.inputs.get("base")), None)
    figures = [own for own in results.figures if own.contract == "robust" and own.figure in CARD_FIGURES]
    ledger, tokens = found.ledger(), tokens_of(train)
    return template("trained_card.md").render(
        config=config,
        front=_front(results, train, base, figures, _panel_of(found)).to_yaml(),
        train=train,
        base=base,
        tokens="unknown" if tokens is None else f"{tokens:,}",
        ledger=ledger,
        relation_note=lookahead_note(relation_to_base(found.records)),
        results=results,
        figures=[_row(own) for own in figures],
        data=_data(ledger),
        claims=[{"claim": own.claim, "status": own.status, "what was checked": own.how} for own in results.claims],
        doubts=[doubt for finding in results.findings for doubt in finding.doubts],
        sources=[{"artifact": own.path, "digest": own.digest} for own in results.sources],
    )


def _trained(found: Evidence) -> Record | None:
    trains, corpus = found.of_kind("train"), found.corpus_record
    own = (train for train in trains if corpus and train.inputs.get("corpus") == corpus.ref)
    return next(own, trains[0] if trains else None)


def _panel_of(found: Evidence) -> str:
    return next((record.label for record in found.of_kind("panel")), "panel")


def _front(
    results: Results, train: Record, base: Record | None, figures: Sequence[QuotedFigure], panel: str
) -> ModelCardData:
    repo = base.facts.get("repo") if base else None
    return ModelCardData(
        license="other",
        language="en",
        library_name="transformers",
        base_model=repo if isinstance(repo, str) else None,
        tags=["finance", "temporal-leakage", *(["smoke-test"] if results.plumbing_only else [])],
        model_name=train.label,
        eval_results=[
            _evaluated(own, panel) for own in figures if own.point is not None and MODEL in own.of.split(" - ")
        ]
        or None,
    )


def _evaluated(own: QuotedFigure, panel: str) -> EvalResult:
    return EvalResult(
        task_type="feature-extraction",
        task_name="Forecasts of returns by a ridge regression on hidden states",
        dataset_type=panel,
        dataset_name=f"Equity panel {panel}",
        metric_type="r2",
        metric_name=f"{own.figure.replace('_', ' ')}, {own.of}, {own.fit} columns",
        metric_value=own.point,
    )


def _row(own: QuotedFigure) -> Row:
    rows = "" if own.n_rows is None else f"{own.n_rows:,}"
    what = f"{own.figure.replace('_', ' ')}, {own.of}"
    return {"figure": what, "columns": own.fit, "R2": signed(own.point), "95 %": bounds(own.ends), "rows": rows}


def _data(ledger: dict[str, Any]) -> list[Row]:
    names = ("cutoff", "first_day", "last_day", "n_documents", "n_tokens")
    return [
        {
            "what": name.removeprefix("n_").replace("_", " "),
            "value": f"{value:,}" if isinstance(value, int) else str(value),
        }
        for name in names
        if (value := ledger.get(name)) is not None
    ]
