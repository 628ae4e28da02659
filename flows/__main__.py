"""`python -m flows`: run or plan a recipe, follow a deployment, list all runs."""

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.common.settings import start_logging
from tasks.recipe import load_recipe
from tasks.schemas.artifacts import Report

NOISY_LOGGERS = ("httpx", "matplotlib", "fontTools", "botocore", "aiobotocore")


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, print; a refusal is one sentence on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    # transformers draws a progress bar per shard; the stages log their own progress.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    for noisy in NOISY_LOGGERS:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        start_logging("INFO")
        options.command(options)
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1
    return 0


# Prefect's import takes seconds: each command imports what it needs after its arguments and its recipe were read.


def _run(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe)
    from flows.pipelines.leakage_premium import leakage_premium_pipeline
    from flows.runner.inline import run_inline
    from tasks.store.store import open_store

    refs = run_inline(leakage_premium_pipeline(recipe))
    print_report(Report(open_store().fetch(refs["report"])))


def _plan(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe)
    from flows.plan import plan_rows
    from tasks.costs.prices import load_prices
    from tasks.store.store import open_store

    store = open_store()
    rows = plan_rows(recipe, store, options.from_stage)
    print(f"plan of {recipe.name} on {store.url}, at {load_prices().current_provider}'s prices; nothing is started\n")
    print_table(rows)


def _follow(options: argparse.Namespace) -> None:
    from flows.pipelines.leakage_premium import leakage_premium_pipeline
    from flows.runner.follow import follow
    from flows.runs.recipes import recipe_of
    from flows.status import find_result
    from tasks.store.store import open_store

    run = follow(options.deployment)
    recipe = recipe_of(run.parameters)
    if recipe and options.deployment.startswith("leakage-premium/"):
        store = open_store()
        print_report(Report(store.fetch(find_result(leakage_premium_pipeline(recipe), store))))


def _runs(options: argparse.Namespace) -> None:
    from flows.runs.format import as_text, run_cells
    from flows.runs.publish import read_runs, write_csv, write_figure

    rows = read_runs()
    print(as_text([run_cells(row) for row in rows]))
    if options.csv:
        write_csv(rows, options.csv)
        print(f"\n{len(rows)} runs: {options.csv}", flush=True)
    if options.figure:
        write_figure(rows, options.figure)
        print(f"spend by run: {options.figure}", flush=True)


def print_report(report: Report) -> None:
    """Print the report's headline table and where its page is."""
    print()
    print_table(report.table())
    print(f"\nreport: {report.page}", flush=True)


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows in aligned columns."""
    columns = list(rows[0])
    widths = [max(len(column), *(len(row[column]) for row in rows)) for column in columns]
    for line in [columns, *([row[column] for column in columns] for row in rows)]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="name")

    def command(name: str, run: object, description: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=description)
        added.set_defaults(command=run)
        return added

    inline = command("leakage-premium", _run, "run a recipe in this process, without a server")
    planned = command("plan", _plan, "show what a run would do and what it would cost; starts nothing")
    for parser_of_recipe in (inline, planned):
        parser_of_recipe.add_argument("recipe", type=Path, help="a file such as configs/smoke.yaml")
    planned.add_argument("--from-stage", default="missing", help="plan a run from this stage on")
    followed = command("follow", _follow, "trigger a deployment and follow it")
    followed.add_argument("deployment", help="such as leakage-premium/smoke")
    runs = command("runs", _runs, "list every run the server knows: who, what, dollars, figures")
    runs.add_argument("--csv", type=Path, metavar="FILE", help="also write them as CSV, with full precision")
    runs.add_argument("--figure", type=_figure_file, metavar="FILE", help="draw spend by run, as .svg or .png")
    return parser


def _figure_file(text: str) -> Path:
    if not text.endswith((".svg", ".png")):
        raise argparse.ArgumentTypeError(f"{text!r} is neither .svg nor .png")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
