"""`hindsight bundle | verify | compare`: a run as a folder that verifies with nothing but itself; runs on one page."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.bundle import verify as verifier
from tasks.common.errors import HindsightError

if TYPE_CHECKING:
    from tasks.store.refs import ArtifactRef
    from tasks.store.store import Store


class NotTwoRuns(HindsightError):
    """The runs to be compared are fewer than two, or one is named twice."""


def bundle(run: str, /, *, to: Path | None = None) -> None:
    """Write a run's report, records, scores and draws into a folder that verifies offline, with only itself.

    Args:
        run: A recipe whose report is in the store, such as smoke, a YAML file, or report/label/key.
        to: The folder to write; by default bundle- and the report's key, here.
    """
    from tasks.bundle.write import write_bundle
    from tasks.store.store import existing_store

    store = existing_store()
    report = find_report(run, store)
    target = to or Path(f"bundle-{report.key}")
    digest = write_bundle(store, report, target)
    print(
        f"{report.path} in {target}, verified\nsha256 of {verifier.MANIFEST}: {digest}\n"
        "give it to the bundle's readers by another way than the folder: they compare it before anything of the folder "
        f"runs, as its README.txt says, or run their own `hindsight verify {target.name}`"
    )


def verify(folder: Path, /) -> int:
    """Verify a bundle: every hash, the lineage, and the figures and intervals again from the draws. Needs no store.

    It prints the sha256 of manifest.json: compare it with the one that `hindsight bundle` printed. Exit status 1:
    something is off; stderr names the first such thing.

    Args:
        folder: The bundle.
    """
    sys.stdout.flush()
    return verifier.main([str(folder)])


def compare(*runs: str, to: Path = Path("comparison.html"), title: str = "Runs side by side") -> None:
    """Write a page with the verdicts and headline figures of several runs.

    Args:
        runs: Two or more recipes whose reports are in the store, or report/label/key, in the order of the page.
        to: The file to write.
        title: Heading of the page.
    """
    from tasks.store.store import existing_store
    from tasks.sweep.compared_runs import write_comparison

    store = existing_store()
    reports = {name: find_report(run, store) for name, run in names_of(runs).items()}
    write_comparison(to, title, reports, store)
    print(f"{len(reports)} runs: {to}")


def names_of(runs: Sequence[str]) -> dict[str, str]:
    """Each run by its name on the page: a recipe's file name; where two have the same, all runs as they are given.

    Raises:
        NotTwoRuns: If there are fewer than two runs, or one is given twice.
    """
    stems = [Path(run).stem if run.endswith(".yaml") else run for run in runs]
    if twice := [run for run in runs if runs.count(run) > 1]:
        raise NotTwoRuns(f"{twice[0]} is given twice; name each run once.")
    if len(runs) < 2:
        raise NotTwoRuns(f"{len(runs)} runs to compare; name two or more.")
    return dict(zip(stems if len(set(stems)) == len(runs) else runs, runs, strict=True))


def find_report(run: str, store: "Store") -> "ArtifactRef":
    """The report that a recipe or a path of the store names."""
    from tasks.store.catalogue import resolve

    if run.count("/") == 2 and not Path(run).is_file():
        return resolve(store, run)
    from flows.pipelines.registry import load, pipeline_of
    from flows.status import find_result
    from tasks.recipe import recipe_file

    return find_result(pipeline_of(load(recipe_file(run))), store)
