"""Which prices, which stocks, which days."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from tasks.settings import Config
from tasks.store.refs import ArtifactRef, Room, Sha256


class Sp500Source(Config):
    """Adjusted daily closes of 20 S&P 500 stocks, 1990 to 2022, as skfolio ships them; nobody recorded a volume."""

    kind: Literal["sp500"] = "sp500"


class JpxSource(Config):
    """A price file in the columns of the JPX competition's `stock_prices.csv`."""

    kind: Literal["jpx"] = "jpx"
    csv: str = Field(min_length=1)
    """Path or URL of the file, plain or gzipped."""
    sha256: Sha256 | None = None
    """Digest the file must have. Without it, other content under the same path counts as the same panel."""


class PanelConfig(Config):
    """A panel of stocks and days."""

    source: Annotated[Sp500Source | JpxSource, Field(discriminator="kind")] = Sp500Source()
    """Where the prices come from."""
    n_stocks: int = Field(1000, ge=2)
    """Stocks kept, longest price history first; all of them if there are fewer."""
    dates_per_stock: int = Field(30, ge=1)
    """Days drawn per stock; a stock with fewer keeps all of its days."""
    seed: int = Field(42, ge=0, le=2**32 - 1)
    """Seed of the days drawn."""
    test_from: date = date(2021, 1, 1)
    """First day of the test side. The panel must reach it and must begin before it."""


def panel_label(config: PanelConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact, such as `sp500-1000x30`."""
    return f"{config.source.kind}-{config.n_stocks}x{config.dates_per_stock}"


REVISION = 1
"""Raised when the same input would give other bytes."""
ROOM = Room(kind="panel", revision=REVISION, label=panel_label)
