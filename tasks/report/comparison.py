"""A page of several runs side by side, made of their `results.json`, in the style of a run's own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.common.text import DASH, Row, bounds, signed
from tasks.report.config import ReportConfig
from tasks.report.figures.comparison import by_run
from tasks.report.glossary import WORDS
from tasks.report.page import template
from tasks.report.text import Cell, EstimateRow
from tasks.schemas.estimates import CO_PRIMARY
from tasks.schemas.results import Finding, QuotedFigure, Results
from tasks.store.records import Record

COMPARED = ("lookahead", "gain")


@dataclass(frozen=True)
class ComparedRun:
    """A run of the comparison.

    Args:
        name: On the page.
        record: Record of its report.
        results: Its results.
    """

    name: str
    record: Record
    results: Results

    @property
    def finding(self) -> Finding:
        """Its answer to the first question."""
        return self.results.findings[0]

    @property
    def report(self) -> str:
        """Path of its report in the store."""
        return self.record.ref.path

    @property
    def digest(self) -> str:
        """Of its report."""
        return self.record.digest

    def figures(self, metric: str) -> list[tuple[str, QuotedFigure]]:
        """One of its headline figures under both fits, by run and pair."""
        pairs = self.results.pairs
        names = {pair: self.name if len(pairs) == 1 else f"{self.name}, {pair}" for pair in pairs}
        return [
            (names[own.of], own)
            for own in self.results.figures
            if (own.contract, own.figure) == ("robust", metric) and own.of in names
        ]


def comparison_page(
    title: str, runs: Sequence[ComparedRun], ranking: Sequence[Row] = (), notes: Sequence[str] = ()
) -> str:
    """Render the page.

    Args:
        title: Its heading.
        runs: In the order shown.
        ranking: A table of them, if they were ranked.
        notes: How to read the ranking.

    Returns:
        HTML that loads nothing from elsewhere; the same runs give the same bytes.
    """
    plots = {metric: by_run([own for run in runs for own in run.figures(metric)]) for metric in COMPARED}
    return template("comparison.html").render(
        config=ReportConfig(title=title, plumbing_only=any(run.results.plumbing_only for run in runs)),
        runs=runs,
        plots={metric: plot for metric, plot in plots.items() if plot},
        counted=f"{len(runs)} runs, {sum(run.results.n_rows for run in runs):,} rows",
        rows=[row for run in runs for row in _rows(run)],
        columns=[f"{metric}, {fit}" for metric in COMPARED for fit in CO_PRIMARY],
        ranking=list(ranking),
        notes=list(notes),
        claims=[_claims(run) for run in runs],
        glossary=WORDS,
    )


def _rows(run: ComparedRun) -> list[EstimateRow]:
    cells: dict[str, dict[tuple[str, str], Cell]] = {}
    for metric in COMPARED:
        for name, own in run.figures(metric):
            cells.setdefault(name, {})[metric, own.fit] = _cell(own)
    columns = [(metric, fit) for metric in COMPARED for fit in CO_PRIMARY]
    pairs = ", ".join(run.results.pairs) or "one model"
    found = [(name, pairs, [own.get(key, [DASH]) for key in columns]) for name, own in cells.items()]
    return found or [(run.name, pairs, [[DASH] for _ in columns])]


def _cell(own: QuotedFigure) -> Cell:
    rows = [] if own.n_rows is None else [f"{own.n_rows:,} rows"]
    return [signed(own.point), bounds(own.ends), *rows]


def _claims(run: ComparedRun) -> Row:
    counts = Counter(claim.status for claim in run.results.claims)
    return {"run": run.name} | {status: str(counts[status]) for status in ("verified", "not verified", "null")}
