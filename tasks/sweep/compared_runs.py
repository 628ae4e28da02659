"""Runs of the store for a page that compares them."""

from tasks.report.comparison import ComparedRun
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
