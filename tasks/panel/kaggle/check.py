"""Whether a CSV is the price file that is meant."""

import hashlib
from pathlib import Path

from pydantic import JsonValue

from tasks.panel.errors import OtherPrices
from tasks.panel.sources.csv_file import COLUMNS, parse_prices

N_ROWS = 2_332_531
"""Of the published train_files/stock_prices.csv: 2,000 stocks from 2017-01-04 to 2021-12-03."""


def check_prices(csv: Path, name: str, sha256: str | None) -> dict[str, JsonValue]:
    """Check a price file's table, and that it is the one asked for.

    Args:
        csv: Plain CSV.
        name: What messages call it.
        sha256: Digest it must have; without it, it must have N_ROWS rows.

    Returns:
        Its digest, size, counts and days.

    Raises:
        UnreadablePrices: If it is no table of prices in JPX's columns.
        OtherPrices: If it has another digest or number of rows.
    """
    content = csv.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise OtherPrices(
            f"{name} has sha256 {found}, asked for is {sha256}; fetch it again or change panel.source.sha256."
        )
    prices = parse_prices(content, name, needed=tuple(COLUMNS))
    if sha256 is None and len(prices) != N_ROWS:
        raise OtherPrices(
            f"{name} has {len(prices)} rows, the published file has {N_ROWS}: it was cut or is another file. Fetch it "
            f"again or, if it is meant, stage it and say panel.source.sha256: {found}."
        )
    return {
        "csv_sha256": found,
        "n_bytes": len(content),
        "n_rows": len(prices),
        "n_stocks": int(prices["code"].nunique()),
        "first_day": f"{prices['date'].min():%Y-%m-%d}" if len(prices) else None,
        "last_day": f"{prices['date'].max():%Y-%m-%d}" if len(prices) else None,
    }
