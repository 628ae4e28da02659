"""The page and the model card of a release: templates, and what their sections show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from tasks.costs.prices import load_prices
from tasks.report.direction import figures as direction_figures
from tasks.report.direction import language_models
from tasks.report.direction import tables as direction
from tasks.report.direction.page import findings
from tasks.report.page import panel_section, run_section, template
from tasks.report.release import tables
from tasks.report.release.config import ReleaseReportConfig
from tasks.report.tables.spend import elsewhere, spend
from tasks.schemas.artifacts import Check
from tasks.schemas.direction import QUOTED, SPLITS, DirectionScores
from tasks.schemas.release import Release
from tasks.store.records import Record

N_RENDERED = 2
"""Examples of each training shown as the chat template renders them."""


@dataclass(frozen=True)
class Released:
    """Everything that a release's page shows.

    Args:
        release: What was shown of the model.
        modelfile: Text of the Modelfile.
        scores: Of the hold-out.
        counts: Of the mix, by source, role and group.
        rendered: The first examples of each training, by its name.
        tokenized: Counts of its examples, by the same names.
        checks: Those of preflight.
        records: All artifacts the release came from, sources first.
        lost: What was lost on rented machines.
    """

    release: Release
    modelfile: str
    scores: DirectionScores
    counts: Sequence[Mapping[str, JsonValue]]
    rendered: Mapping[str, Sequence[Mapping[str, JsonValue]]]
    tokenized: Mapping[str, Mapping[str, JsonValue]]
    checks: Sequence[Check]
    records: Sequence[Record]
    lost: Sequence[str] = ()

    @property
    def base(self) -> Record:
        """The base's record."""
        return next(record for record in self.records if record.kind == "base")


def render(config: ReleaseReportConfig, found: Released) -> str:
    """Render the page.

    Args:
        config: Title, licence, and whether the run is only a smoke test.
        found: What it shows.

    Returns:
        HTML that loads nothing from elsewhere.
    """
    return template("release.html").render(
        config=config,
        **_common(found),
        findings=[*language_models.findings(found.scores), *findings(found.scores)],
        **language_models.section(found.scores),
        files=tables.files(found.release),
        header=tables.header(found.release),
        groups=tables.data(found.counts, ("source", "role", "group")),
        rendered={name: list(rows)[:N_RENDERED] for name, rows in found.rendered.items()},
        accuracies=direction.accuracies(found.scores),
        splits=SPLITS,
        kept_figure=direction_figures.kept(found.scores, QUOTED),
        profits=direction.profits(found.scores),
        spend=spend(found.records),
        lost=found.lost,
        elsewhere=elsewhere(found.records, load_prices()),
        card=model_card(config, found),
        panel=panel_section(found.records),
        run=run_section(found.checks, found.records),
    )


def model_card(config: ReleaseReportConfig, found: Released) -> str:
    """The model card, as the Hugging Face hub reads one: YAML in front, then Markdown."""
    return template("release_card.md").render(
        config=config, **_common(found), accuracies=direction.headline(found.scores)
    )


def _common(found: Released) -> dict[str, object]:
    return {
        "release": found.release,
        "modelfile": found.modelfile,
        "scores": found.scores,
        "base": found.base,
        "gates": tables.gates(found.release.gates),
        "gate_counts": tables.gate_counts(found.release.gates),
        "data": tables.data(found.counts),
        "tokenized": tables.tokenized(found.tokenized),
    }
