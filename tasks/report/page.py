"""The page: a template and, per section, the rows, sentences and figures it shows. All text is escaped."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from tasks.common.text import markdown_cell, signed
from tasks.report.config import ReportConfig
from tasks.report.contents import entries, with_anchors
from tasks.report.figures import reference as reference_figures
from tasks.report.figures.training import training_loss
from tasks.report.gallery import gallery
from tasks.report.glossary import WORDS, anchor_of, explained
from tasks.report.summary import cards, lines
from tasks.report.tables import checks as check_tables
from tasks.report.tables import decomposition, expected, provenance
from tasks.report.tables import robust as robust_tables
from tasks.report.tables.audited import audited_models, served_rows
from tasks.report.tables.decomposition import Relation
from tasks.report.tables.headline import FIGURE, reference_rows
from tasks.report.tables.ladder import ladders
from tasks.report.tables.recall import recall_section
from tasks.report.text import WIDE, WIDE_NOTE, dropped, sentence
from tasks.schemas.artifacts import Check, Preflight
from tasks.schemas.estimates import CO_PRIMARY, FITS
from tasks.schemas.recall import Recall
from tasks.schemas.results import Results
from tasks.schemas.scores import Answer, PremiumScores, RobustScores, models_of
from tasks.store.records import Record

Section = dict[str, Any]
"""What a section's template shows, by name."""


def render(
    config: ReportConfig,
    scores: PremiumScores,
    draws: np.ndarray,
    preflight: Preflight,
    corpus: Mapping[str, Any] | None,
    records: Sequence[Record],
    results: Results,
    two_way: np.ndarray | None = None,
    recall: Recall | None = None,
    lost: Sequence[str] = (),
) -> str:
    """Render the page.

    Args:
        config: Title, and whether the run is only a smoke test.
        scores: The figures.
        draws: (n_kept, 1 + 2 * n_models): draw number, then on and off of each model.
        preflight: The checks made before a GPU was rented.
        corpus: The corpus section; None where the corpus has no ledger, or the run has no corpus.
        records: All artifacts the scores came from, sources first.
        results: Findings and claims, as `results.json` has them.
        two_way: (n_kept, n_columns) draws of the robust scores; None where there are none.
        recall: What the recall probes found; None where the run has none.
        lost: What was lost on rented machines.

    Returns:
        HTML that loads nothing from elsewhere.
    """
    relation: Relation = "separate" if results.is_audit else provenance.relation_to_base(records)
    return template("page.html").render(
        config=config,
        scores=scores,
        results=results,
        gallery=gallery(scores, draws, two_way, corpus, records, recall, lost),
        sources=provenance.sources(records),
        counted=f"{scores.n_rows:,} rows",
        glossary=WORDS,
        robust=_robust_section(scores.robust, relation) if scores.robust else None,
        is_audit=results.is_audit,
        models=audited_models(preflight),
        vintages=served_rows(scores.vintages) if scores.vintages else None,
        notes=preflight.notes,
        widths=" or ".join(f"{width:,}" for width in sorted({own.n_columns for own in scores.models.values()})),
        corpus=corpus,
        recall=recall_section(recall) if recall else None,
        checks=check_tables.checks_section(scores.robust) if scores.robust else None,
        reference=_reference_section(scores),
        ladders=ladders(scores),
        panel=panel_section(records),
        # The loss is among the figures.
        run=run_section(preflight.checks, records) | {"loss": None},
    )


def _robust_section(robust: RobustScores, relation: Relation) -> Section:
    models = decomposition.models_of(robust)
    has_placebo = "placebo" in models or relation == "separate"
    placebo_note = [] if has_placebo else [decomposition.NO_PLACEBO]
    pairs, shown_cards = list(robust.pairs), cards(robust, relation)
    return {
        "scores": robust,
        "pair": dict(zip(("one", "other"), models_of(pairs[0]), strict=True)) if len(pairs) == 1 else None,
        "has_pairs": bool(pairs),
        "cards": shown_cards,
        "notes": [decomposition.lookahead_note(relation), *placebo_note] if pairs else [],
        "answers": [_answer_section(own.answer, pair, relation) for pair, own in robust.pairs.items() if own.answer],
        "expected_columns": expected.columns_of_differences(robust),
        "expected_differences": expected.expected_differences(robust),
        "figure_columns": [*expected.CASES.values(), *models],
        "expected_figures": expected.expected_figures(robust),
        "fits": FITS,
        "intervals": decomposition.INTERVALS,
        "has_wide_cards": any(WIDE in interval for card in shown_cards for _, _, interval in card["lines"]),
        "wide_note": WIDE_NOTE if decomposition.has_wide(robust) else "",
        "dropped": dropped(robust.dropped_draws),
        "differences": decomposition.differences(robust, relation),
        "models": decomposition.decomposition(robust),
        "controls": {fit: robust_tables.controls(robust.controls, fit) for fit in CO_PRIMARY},
        "splits": robust_tables.splits(robust.splits),
        "penalties": ", ".join(f"{alpha:g} for {model}" for model, alpha in robust.penalties.items()),
        "refits": robust_tables.refits(robust.n_refits),
        "power": robust_tables.power(robust.pairs),
    }


def _answer_section(answer: Answer, pair: str, relation: Relation) -> Section:
    return {
        "pair": pair,
        "verdict": answer.verdict,
        "statement": answer.statement,
        "metric": robust_tables.metric_name(answer.metric, pair, relation),
        "at_least": answer.at_least,
        "lines": lines(answer.estimates),
        "reason": sentence(answer.reason),
    }


def _reference_section(scores: PremiumScores) -> Section:
    rows = reference_rows(scores)
    return {
        "rows": rows,
        "numeric": [name for name in rows[0] if name != FIGURE],
        "reductions": list(scores.pairs),
        "checks": check_tables.reference_checks(scores),
        "tent": reference_figures.tent(scores),
        "dropped": dropped(scores.dropped_draws),
    }


def panel_section(records: Sequence[Record]) -> Section:
    """The panel's contract and what its record counts."""
    return {
        "contract": provenance.panel_contract(records),
        "is_binary": provenance.target_is_binary(records),
        "is_table": provenance.panel_is_table(records),
        "tables": provenance.panel_tables(records),
    }


def run_section(checks: Sequence[Check], records: Sequence[Record]) -> Section:
    """Checks before the run, if it had any; seconds, lineage and versions."""
    curves = provenance.loss_curves(records)
    return {
        "loss": training_loss(curves) if curves else None,
        "n_curves": len(curves),
        "checks": checks,
        "stages": provenance.stages(records),
        "total_seconds": sum(record.seconds for record in records),
        "lineage": provenance.lineage(records),
        "sources": provenance.sources(records),
        "versions": provenance.versions(records),
    }


def template(name: str) -> jinja2.Template:
    """A template of this folder. In `.html` all text is escaped, in Markdown none."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    """One per process: compiling the templates takes a fifth of the time of a page."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader,
        autoescape=jinja2.select_autoescape(["html"], default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        **{"signed": signed, "explained": explained, "word_anchor": anchor_of},
        **{"sections": entries, "with_anchors": with_anchors, "cell": markdown_cell},
    }
    return environment
