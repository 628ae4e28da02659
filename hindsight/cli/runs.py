"""`hindsight run | plan | follow | runs`: a recipe in this process, what it would do, a deployment, all runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from deployments.local import as_client
from hindsight.cli.output import print_table
from tasks.common.errors import HindsightError
from tasks.costs.prices import load_prices
from tasks.recipe import recipe_file, shipped_recipes

if TYPE_CHECKING:
    from flows.pipelines.pipeline import Pipeline
    from flows.pipelines.registry import AnyRecipe
    from tasks.store.refs import ArtifactRef


class NoRecipe(HindsightError):
    """A command that needs a recipe was given none."""


class BadDeployment(HindsightError):
    """A name that is no deployment's."""


def run(recipe: str | None = None, /) -> None:
    """Run a recipe in this process, without a server, and print the report's table.

    The store is asked first: stages whose artifact exists do not run again.

    Args:
        recipe: A recipe of the project, such as smoke, or a YAML file.
    """
    chosen = _recipe(recipe)
    from flows.live.inline import run_update
    from flows.pipelines.registry import pipeline_of, row_of
    from flows.runner.inline import run_inline
    from tasks.live_update import LiveUpdate

    if isinstance(chosen, LiveUpdate):
        print(run_update(chosen))
        return
    pipeline, shown = pipeline_of(chosen), row_of(chosen).shown
    refs = run_inline(pipeline)
    if shown:
        print_report(refs[shown], pipeline)


def plan(recipe: str | None = None, /, *, from_stage: str = "missing", provider: str | None = None) -> None:
    """Show per step what exists, what would run, where, for how long and for how much. Starts nothing.

    Args:
        recipe: A recipe of the project, such as smoke, or a YAML file.
        from_stage: Plan a run from this stage on; `missing` plans what the store lacks.
        provider: Whose prices, of configs/prices.yaml. By default HINDSIGHT_PROVIDER, else `own` (this machine, at no
            cost) unless PREFECT_API_URL names another server.
    """
    chosen, prices = _recipe(recipe), load_prices()
    with as_client(provider):
        from flows.plan import plan_notes, plan_rows
        from tasks.store.store import open_store

        store = open_store()
        prices.check_provider(prices.current_provider)
        rows, notes = plan_rows(chosen, store, from_stage), plan_notes(chosen, store)
        heading = f"plan of {chosen.name} on {store.url}, at {prices.current_provider}'s prices; nothing is started"
    print(f"{heading}\n")
    print_table(rows)
    for note in notes:
        print(f"\n{note}")


def follow(deployment: str, /) -> None:
    """Trigger a deployment on the server and print its progress until it ends.

    The server is the local one (`hindsight up`), or the one that PREFECT_API_URL names.

    Args:
        deployment: FLOW/NAME, such as leakage-premium/smoke.
    """
    if deployment.count("/") != 1:
        raise BadDeployment(f"deployment {deployment!r} is not FLOW/NAME, such as leakage-premium/smoke.")
    with as_client():
        # Prefect reads the environment when it is imported.
        from flows.pipelines.registry import PIPELINES, recipe_of
        from flows.runner.follow import follow as follow_run
        from flows.server.flow_runs import ending_of
        from flows.status import find_artifacts
        from tasks.store.store import open_store

        ended = follow_run(deployment)
        row, recipe = PIPELINES.get(deployment.split("/")[0]), recipe_of(ended.parameters)
        if row and recipe and row.shown:
            pipeline = row.build(recipe)
            print_report(find_artifacts(pipeline, open_store())[row.shown], pipeline)
        else:
            print(ending_of(ended).removesuffix(": "), flush=True)


def _check_picture(_type: Any, file: Path | None) -> None:
    if file is not None and file.suffix not in (".svg", ".png"):
        raise ValueError(f"{str(file)!r} is neither .svg nor .png")


def runs(
    *, csv: Path | None = None, figure: Annotated[Path | None, Parameter(validator=_check_picture)] = None
) -> None:
    """List every run the server knows: who, what, dollars, figures.

    Args:
        csv: Also write them to this file, with full precision.
        figure: Draw spend by run, as .svg or .png.
    """
    with as_client():
        from flows.runs.format import as_text, run_cells
        from flows.runs.publish import read_runs, write_csv, write_figure

        rows = read_runs()
        print(as_text([run_cells(row) for row in rows]))
        if csv:
            write_csv(rows, csv)
            print(f"\n{len(rows)} runs: {csv}", flush=True)
        if figure:
            write_figure(rows, figure)
            print(f"spend by run: {figure}", flush=True)


def print_report(ref: "ArtifactRef", pipeline: "Pipeline") -> None:
    """Print the report's headline table, whether it means anything, and where its page is."""
    from tasks.schemas.artifacts import Report
    from tasks.store.store import open_store

    report = Report(open_store().fetch(ref))
    print()
    print_table(report.table())
    if pipeline.plumbing_only:
        print("\nSmoke test: these numbers mean nothing.")
    print(f"\nreport: {report.page}", flush=True)


def _recipe(name: str | None) -> "AnyRecipe":
    if name is None:
        raise NoRecipe(f"which recipe? {', '.join(shipped_recipes())}, or a YAML file; docs/recipe.md has the keys.")
    from flows.pipelines.registry import load

    return load(recipe_file(name))
