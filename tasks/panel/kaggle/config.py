"""Which price file is staged."""

from collections.abc import Mapping
from typing import Literal

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType, Sha256

FILE_NAME = "stock_prices.csv"
"""The artifact's one file: plain CSV, however it was packed on its way."""


class PricesConfig(Config):
    """JPX's daily prices as Kaggle's competition publishes them."""

    competition: Literal["jpx-tokyo-stock-exchange-prediction"] = "jpx-tokyo-stock-exchange-prediction"
    """Its name in Kaggle's addresses."""
    file: Literal["train_files/stock_prices.csv"] = "train_files/stock_prices.csv"
    """The file's path among the competition's data."""
    sha256: Sha256 | None = None
    """Digest the CSV must have. Without it, it must have as many rows as the published file."""


def prices_label(config: PricesConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: `jpx`, or with the digest's first digits where one is asked for."""
    return f"jpx-{config.sha256[:12]}" if config.sha256 else "jpx"


REVISION = 1
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="prices", revision=REVISION, label=prices_label)
