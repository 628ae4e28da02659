"""`hindsight run | plan | follow | runs`: a recipe in this process, what it would do, a deployment, all runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from deployments.local import as_client
from hindsight.cli.output import print_table
from tasks.common.errors import HindsightError
from tasks.costs.prices import load_prices
from tasks.recipe import Recipe, load_recipe, recipe_file, shipped_recipes

if TYPE_CHECKING:
    from tasks.schemas.artifacts import Report


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
    from flows.pipelines.leakage_premium import leakage_premium_pipeline
    from flows.runner.inline import run_inline
    from tasks.schemas.artifacts import Report
    from tasks.store.store import open_store

    refs = run_inline(leakage_premium_pipeline(chosen))
    print_report(Report(open_store().fetch(refs["report"])), chosen)


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
        from flows.plan import plan_rows
        from tasks.store.store import open_store

        store = open_store()
        prices.check_provider(prices.current_provider)
        rows = plan_rows(chosen, store, from_stage)
        heading = f"plan of {chosen.name} on {store.url}, at {prices.current_provider}'s prices; nothing is started"
    print(f"{heading}\n")
    print_table(rows)


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
        from flows.pipelines.leakage_premium import leakage_premium_pipeline
        from flows.runner.follow import follow as follow_run
        from flows.runs.recipes import recipe_of
        from flows.status import find_result
        from tasks.schemas.artifacts import Report
        from tasks.store.store import open_store

        ended = follow_run(deployment)
        recipe = recipe_of(ended.parameters)
        if recipe and deployment.startswith("leakage-premium/"):
            store = open_store()
            print_report(Report(store.fetch(find_result(leakage_premium_pipeline(recipe), store))), recipe)


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


def print_report(report: "Report", recipe: Recipe) -> None:
    """Print the report's headline table, whether it means anything, and where its page is."""
    print()
    print_table(report.table())
    if recipe.report.plumbing_only:
        print("\nSmoke test: these numbers mean nothing.")
    print(f"\nreport: {report.page}", flush=True)


def _recipe(name: str | None) -> Recipe:
    if name is None:
        raise NoRecipe(f"which recipe? {', '.join(shipped_recipes())}, or a YAML file; docs/recipe.md has the keys.")
    return load_recipe(recipe_file(name))
