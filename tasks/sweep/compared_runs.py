"""Runs of the store on a page that compares them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.common.text import Row
from tasks.report.comparison import ComparedRun, comparison_page
from tasks.schemas.results import RESULTS_NAME, Results
from tasks.store.errors import StoreError
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store


class NotComparable(StoreError):
    """A report has no results that a page could compare."""


def compared_run(name: str, report: ArtifactRef, store: Store) -> ComparedRun:
    """A run with what its report says.

    Args:
        name: On the page.
        report: The report, of a measure.
        store: Where it is.

    Raises:
        NotComparable: If the report has no results.json.
    """
    record, folder = store.record(report), store.fetch(report)
    if not (folder / RESULTS_NAME).is_file():
        raise NotComparable(
            f"{report.path} has no {RESULTS_NAME}: it is of an earlier version, or no report of a measure. Run the "
            "recipe again to write today's report."
        )
    return ComparedRun(name, record, Results.read(folder))


def write_comparison(
    file: Path,
    title: str,
    reports: Mapping[str, ArtifactRef],
    store: Store,
    ranking: Sequence[Row] = (),
    notes: Sequence[str] = (),
) -> None:
    """Write the page of several runs.

    Args:
        file: Where; its folder is made.
        title: Heading of the page.
        reports: By the run's name, in the order of the page.
        store: Where they are.
        ranking: A table of the runs, if they were ranked.
        notes: How to read it.

    Raises:
        NotComparable: If a report has no results.json.
    """
    runs = [compared_run(name, report, store) for name, report in reports.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(comparison_page(title, runs, ranking, notes), encoding="utf-8")
