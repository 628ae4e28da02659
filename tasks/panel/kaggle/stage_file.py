"""`python -m tasks.panel.kaggle.stage_file FILE` puts a price file into the store. Nothing is downloaded."""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.common.settings import state_dir
from tasks.panel.errors import UnreadablePrices
from tasks.panel.kaggle.check import N_ROWS, check_prices
from tasks.panel.kaggle.config import FILE_NAME, PricesConfig
from tasks.panel.kaggle.publish import publish_file
from tasks.panel.kaggle.unpack import write_plain
from tasks.store.digests import sha256_of_file
from tasks.store.store import Store, open_store


def main(arguments: list[str] | None = None) -> int:
    """Parse, stage, print. 0: done; 1: refused."""
    parser = argparse.ArgumentParser(prog="python -m tasks.panel.kaggle.stage_file", description=__doc__)
    parser.add_argument("file", type=Path, help="JPX's stock_prices.csv, plain, gzipped or in a zip archive")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=os.environ.get("HINDSIGHT_LOG", "WARNING"), format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    try:
        print("\n".join(stage(open_store(), options.file)))
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1
    return 0


def stage(store: Store, file: Path) -> list[str]:
    """Publish a file under its digest and, if it is the published one, under its name alone.

    Args:
        store: Where it goes.
        file: CSV, plain, gzipped or in a zip archive.

    Returns:
        What was staged, and how a recipe takes it.

    Raises:
        PanelError: If the file is no table of prices in JPX's columns.
    """
    if not file.is_file():
        raise UnreadablePrices(f"price file {file} is no file; give the path of a stock_prices.csv.")
    state_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state_dir()) as folder:
        csv = Path(folder) / FILE_NAME
        write_plain(file, csv, str(file))
        sha256 = sha256_of_file(csv)
        facts = check_prices(csv, str(file), sha256)
        refs = [publish_file(store, PricesConfig(sha256=sha256), csv)]
        if facts["n_rows"] == N_ROWS:
            refs.append(publish_file(store, PricesConfig(), csv))
    days = f"{facts['first_day']} to {facts['last_day']}"
    lines = [f"{ref.path}: {facts['n_rows']} rows of {facts['n_stocks']} stocks, {days}" for ref in refs[:1]]
    pinned = f"panel.source: {{kind: jpx, sha256: {sha256}}}"
    if len(refs) == 1:
        return [*lines, f"not the published file, which has {N_ROWS} rows; a recipe takes it by {pinned}"]
    if refs[1].digest != refs[0].digest:
        return [*lines, f"{refs[1].path} holds prices staged before, which stay; a recipe takes these by {pinned}"]
    return [*lines, f"a recipe takes it by panel.source: {{kind: jpx}}, or pinned by {pinned}"]


if __name__ == "__main__":
    sys.exit(main())
