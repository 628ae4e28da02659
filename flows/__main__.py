"""`python -m flows`: a run without a server, or a followed run of a deployment."""

import argparse
import logging
import os
import sys
from pathlib import Path

from tasks.artifacts import Report
from tasks.errors import HindsightError
from tasks.recipe import load_recipe


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
        print_result(_run(options))
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


def _run(options: argparse.Namespace) -> Report:
    # Prefect's import takes seconds; a mistyped command or recipe is refused without it.
    if options.command == "follow":
        from flows.follow import follow

        return follow(options.deployment)
    recipe = load_recipe(options.recipe)
    from flows.inline import run_inline

    return run_inline(recipe)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    inline = commands.add_parser("leakage-premium", help="run a recipe here, without a server")
    inline.add_argument("recipe", type=Path, help="a file such as configs/smoke.yaml")
    followed = commands.add_parser("follow", help="trigger a deployment and follow it")
    followed.add_argument("deployment", help="such as leakage-premium/smoke")
    return parser


if __name__ == "__main__":
    sys.exit(main())
