"""The page: a template filled with rows of text and figures; whatever it is given, it escapes."""

from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from tasks.artifacts import Preflight, PremiumScores
from tasks.report import figures, tables
from tasks.report.config import ReportConfig
from tasks.store.records import Record


def render(
    config: ReportConfig, scores: PremiumScores, draws: np.ndarray, preflight: Preflight, records: Sequence[Record]
) -> str:
    """Render the page.

    Args:
        config: Title, and whether the numbers mean anything.
        scores: The figures.
        draws: (n_kept, 5) draw, base on, base off, trained on, trained off.
        preflight: What was checked before a GPU was rented.
        records: All artifacts the scores came from, sources first.

    Returns:
        HTML that loads nothing.
    """
    curve = tables.loss_curve(records)
    return _template().render(
        config=config,
        scores=scores,
        cards=_cards(scores),
        where_zero_lies=_where_zero_lies(scores),
        headline=tables.headline(scores),
        premium_figure=Markup(figures.premium_intervals(scores)),  # noqa: S704  figures hold no text of others
        draws_figure=Markup(figures.reduction_draws(draws, scores)),  # noqa: S704
        loss_figure=Markup(figures.training_loss(curve)) if curve else None,  # noqa: S704
        checks=preflight.checks,
        stages=tables.stages(records),
        total_seconds=sum(record.seconds for record in records),
        lineage=tables.lineage(records),
        versions=tables.versions(records),
    )


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")


def _cards(scores: PremiumScores) -> list[dict[str, str]]:
    figures_of = [
        ("Premium, base model", scores.base.premium, scores.base.premium_interval),
        ("Premium, trained model", scores.trained.premium, scores.trained.premium_interval),
        ("Reduction", scores.premium_reduction, scores.reduction_interval),
    ]
    return [
        {"name": name, "value": tables.signed(value), "interval": tables.bounds(interval)}
        for name, value, interval in figures_of
    ]


def _where_zero_lies(scores: PremiumScores) -> str:
    low, high = scores.reduction_interval.p2_5, scores.reduction_interval.p97_5
    if low > 0:
        return "lies above zero"
    return "lies below zero" if high < 0 else "holds zero: these stocks do not tell the two models apart"
