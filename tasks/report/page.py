"""The page: a template filled with rows of text and figures; whatever it is given, it escapes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from tasks.report import facts
from tasks.report.config import ReportConfig
from tasks.report.figures import reference as figures
from tasks.report.robust import robust_part
from tasks.report.summary import cards, where_zero_lies
from tasks.report.tables import provenance as tables
from tasks.report.text import dropped
from tasks.schemas.artifacts import Preflight
from tasks.schemas.scores import PremiumScores
from tasks.store.records import Record


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
        config: Title, and whether the numbers mean anything.
        scores: The figures.
        draws: (n_kept, 1 + 2 * n_models) draw, then on and off of base, trained and any placebo.
        preflight: What was checked before a GPU was rented.
        corpus: The corpus section's content, or None where the corpus has no ledger.
        records: All artifacts the scores came from, sources first.

    Returns:
        HTML that loads nothing.
    """
    return _template().render(
        config=config,
        scores=scores,
        cards=cards(scores),
        where_zero_lies=where_zero_lies(scores),
        robust=robust_part(scores, facts.base_is_pretrained(records)),
        corpus=corpus,
        seed=_seed_part(scores, draws),
        panel={"contract": facts.panel_contract(records), "tables": facts.panel_tables(records)},
        run=_run_part(preflight, records),
    )


def _seed_part(scores: PremiumScores, draws: np.ndarray) -> dict[str, Any]:
    return {
        "rows": tables.seed_rows(scores),
        "premiums": figures.premium_intervals(scores),
        "draws": figures.reduction_draws(draws, scores),
        "dropped": dropped(scores.dropped_draws),
    }


def _run_part(preflight: Preflight, records: Sequence[Record]) -> dict[str, Any]:
    curves = tables.loss_curves(records)
    return {
        "loss": figures.training_loss(curves) if curves else None,
        "n_curves": len(curves),
        "checks": preflight.checks,
        "stages": tables.stages(records),
        "total_seconds": sum(record.seconds for record in records),
        "lineage": tables.lineage(records),
        "versions": tables.versions(records),
    }


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")
