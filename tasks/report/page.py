"""The page: a template and, per section, the rows, sentences and figures it shows. All text is escaped."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from tasks.common.text import signed
from tasks.report.config import ReportConfig
from tasks.report.figures import reference as reference_figures
from tasks.report.figures import robust as robust_figures
from tasks.report.figures.training import training_loss
from tasks.report.summary import cards, lines
from tasks.report.tables import decomposition, expected, provenance
from tasks.report.tables import robust as robust_tables
from tasks.report.tables.headline import reference_rows
from tasks.report.text import dropped, sentence
from tasks.schemas.artifacts import Preflight
from tasks.schemas.estimates import CO_PRIMARY, FITS, FitName
from tasks.schemas.scores import Answer, PremiumScores, RobustScores
from tasks.store.records import Record

Section = dict[str, Any]
"""What a section's template shows, by name."""
PREMIUMS_FIT: FitName = "unscaled"
"""Premiums of controls are drawn under the reference's fit: the premium is its figure."""


def render(
    config: ReportConfig,
    scores: PremiumScores,
    draws: np.ndarray,
    preflight: Preflight,
    corpus: Mapping[str, Any] | None,
    records: Sequence[Record],
) -> str:
    """Render the page.

    Args:
        config: Title, and whether the run is only a smoke test.
        scores: The figures.
        draws: (n_kept, 1 + 2 * n_models): draw number, then on and off of base, of any placebo, and of trained.
        preflight: The checks made before a GPU was rented.
        corpus: The corpus section, or None where the corpus has no ledger.
        records: All artifacts the scores came from, sources first.

    Returns:
        HTML that loads nothing from elsewhere.
    """
    is_pretrained = provenance.base_is_pretrained(records)
    return _template().render(
        config=config,
        scores=scores,
        robust=_robust_section(scores.robust, is_pretrained) if scores.robust else None,
        corpus=corpus,
        reference=_reference_section(scores, draws),
        panel={"contract": provenance.panel_contract(records), "tables": provenance.panel_tables(records)},
        run=_run_section(preflight, records),
    )


def _robust_section(robust: RobustScores, is_pretrained: bool | None) -> Section:
    placebo_note = [] if "placebo" in decomposition.models_of(robust) else [decomposition.NO_PLACEBO]
    return {
        "scores": robust,
        "cards": cards(robust, is_pretrained),
        "tail_warning": sentence(robust.tails.warning) if robust.tails else "",
        "notes": [decomposition.lookahead_note(is_pretrained), *placebo_note],
        "headline_figure": robust_figures.headline(robust),
        "answer": _answer_section(robust.answer, is_pretrained) if robust.answer else None,
        "expected_columns": [*expected.CASES.values(), *CO_PRIMARY],
        "expected_differences": expected.expected_differences(robust),
        "figure_columns": [*expected.CASES.values(), *decomposition.models_of(robust)],
        "expected_figures": expected.expected_figures(robust),
        "fits": FITS,
        "intervals": decomposition.INTERVALS,
        "dropped": dropped(robust.dropped_draws),
        "differences": decomposition.differences(robust, is_pretrained),
        "models": decomposition.decomposition(robust),
        "parts_figure": robust_figures.decomposition(robust),
        "controls": {fit: robust_tables.controls(robust.controls, fit) for fit in CO_PRIMARY},
        "controls_figure": robust_figures.controls(robust, PREMIUMS_FIT),
        "splits": robust_tables.splits(robust.splits),
        "penalties": ", ".join(f"{alpha:g} for {model}" for model, alpha in robust.penalties.items()),
        "refits": robust_tables.refits(robust.n_refits),
        "power": robust_tables.power(robust.power),
        "power_figure": robust_figures.power(robust),
    }


def _answer_section(answer: Answer, is_pretrained: bool | None) -> Section:
    return {
        "verdict": answer.verdict,
        "statement": answer.statement,
        "metric": robust_tables.metric_name(answer.metric, is_pretrained),
        "at_least": answer.at_least,
        "lines": lines(answer.estimates),
        "reason": sentence(answer.reason),
    }


def _reference_section(scores: PremiumScores, draws: np.ndarray) -> Section:
    return {
        "rows": reference_rows(scores),
        "tent": reference_figures.tent(scores),
        "premiums_figure": reference_figures.premiums(scores),
        "draws_figure": reference_figures.reduction_draws(draws, scores),
        "dropped": dropped(scores.dropped_draws),
    }


def _run_section(preflight: Preflight, records: Sequence[Record]) -> Section:
    curves = provenance.loss_curves(records)
    return {
        "loss": training_loss(curves) if curves else None,
        "n_curves": len(curves),
        "checks": preflight.checks,
        "stages": provenance.stages(records),
        "total_seconds": sum(record.seconds for record in records),
        "lineage": provenance.lineage(records),
        "versions": provenance.versions(records),
    }


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["signed"] = signed
    return environment.get_template("page.html")
