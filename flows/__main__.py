"""`python -m flows`: a run without a server, a followed run of a deployment, or the table of all runs."""

import argparse
import logging
import os
import sys
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.recipe import load_recipe
from tasks.schemas.artifacts import Report


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, print; a refusal is one sentence on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=os.environ.get("HINDSIGHT_LOG", "INFO"), format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    # Model loading draws a bar per shard; a run's lines say what is done, with rate and time left.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    for noisy in ("httpx", "matplotlib", "fontTools", "botocore", "aiobotocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        if options.command == "runs":
            print_runs(options.csv, options.figure)
        else:
            report = _run(options)
            if report:
                print_result(report)
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1
    return 0


def print_result(report: Report) -> None:
    """The report's table and where the page lies."""
    rows = report.table()
    columns = list(rows[0])
    widths = [max(len(column), *(len(row[column]) for row in rows)) for column in columns]
    lines = [columns, *([row[column] for column in columns] for row in rows)]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(f"\nreport: {report.page}", flush=True)


def print_runs(csv_file: Path | None, figure_file: Path | None) -> None:
    """Every run the server knows, and where its files were written.

    Args:
        csv_file: Where all of them go as CSV.
        figure_file: Where the figure of spend by run goes, `.svg` or `.png`.
    """
    from flows.runs.table import read_runs, write_csv, write_figure
    from flows.runs.text_table import as_text, run_cells

    rows = read_runs()
    print(as_text([run_cells(row) for row in rows]))
    if csv_file:
        write_csv(rows, csv_file)
        print(f"\n{len(rows)} runs: {csv_file}", flush=True)
    if figure_file:
        write_figure(rows, figure_file)
        print(f"spend by run: {figure_file}", flush=True)


def _run(options: argparse.Namespace) -> Report | None:
    # Prefect's import takes seconds; a mistyped command or recipe is refused without it.
    if options.command == "follow":
        from flows.runner.follow import follow

        return follow(options.deployment)
    recipe = load_recipe(options.recipe)
    from flows.runner.inline import run_inline

    return run_inline(recipe)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    inline = commands.add_parser("leakage-premium", help="run a recipe here, without a server")
    inline.add_argument("recipe", type=Path, help="a file such as configs/smoke.yaml")
    followed = commands.add_parser("follow", help="trigger a deployment and follow it")
    followed.add_argument("deployment", help="such as leakage-premium/smoke")
    runs = commands.add_parser("runs", help="every run of the pipeline the server knows: who, what, dollars, figures")
    runs.add_argument("--csv", type=Path, metavar="FILE", help="write them as CSV too, numbers in full")
    runs.add_argument("--figure", type=_figure_file, metavar="FILE", help="draw spend by run, as .svg or .png")
    return parser


def _figure_file(text: str) -> Path:
    if not text.endswith((".svg", ".png")):
        raise argparse.ArgumentTypeError(f"{text!r} is neither .svg nor .png")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
