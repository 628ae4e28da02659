"""Puts a price file that a person has into the store (`hindsight stage-prices`). Nothing is downloaded."""

from pathlib import Path

from tasks.panel.errors import UnreadablePrices
from tasks.panel.kaggle.config import PricesConfig
from tasks.panel.kaggle.publish import N_ROWS, publish_by_digest, publish_file
from tasks.store.store import Store


def stage_file(store: Store, file: Path) -> list[str]:
    """Publish a file, plain or packed, under its digest and, if it is the published one, also without.

    Returns:
        Lines to print: what was staged, and how a recipe selects it.

    Raises:
        PanelError: If the file is not a table of prices in JPX's columns.
    """
    if not file.is_file():
        raise UnreadablePrices(f"price file {file} is not a file; give the path of a stock_prices.csv.")
    pinned = publish_by_digest(store, file, str(file))
    facts = store.record(pinned).facts
    counts = f"{facts['n_rows']} rows of {facts['n_stocks']} stocks, {facts['first_day']} to {facts['last_day']}"
    by_digest = f"panel.source: {{kind: jpx, sha256: {facts['csv_sha256']}}}"
    lines = [f"{pinned.path}: {counts}"]
    if facts["n_rows"] != N_ROWS:
        return [*lines, f"not the published file, which has {N_ROWS} rows; a recipe selects it by {by_digest}"]
    default = publish_file(store, PricesConfig(), file)
    if default.digest != pinned.digest:
        return [*lines, f"{default.path} holds prices staged before, which stay; a recipe selects these by {by_digest}"]
    return [*lines, f"a recipe selects it by panel.source: {{kind: jpx}}, or pinned by {by_digest}"]
