"""The config of the staged price file, and its artifact type."""

from collections.abc import Mapping
from typing import Literal

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType, Sha256

FILE_NAME = "stock_prices.csv"
"""The artifact's only file: plain CSV, even if it was downloaded packed."""


class PricesConfig(Config):
    """JPX's daily prices as Kaggle's competition publishes them."""

    competition: Literal["jpx-tokyo-stock-exchange-prediction"] = "jpx-tokyo-stock-exchange-prediction"
    """The competition's name in Kaggle's addresses."""
    file: Literal["train_files/stock_prices.csv"] = "train_files/stock_prices.csv"
    """The file's path in the competition's data."""
    sha256: Sha256 | None = None
    """Digest the CSV must have. Without it, the file must have as many rows as the published one."""


def prices_label(config: PricesConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: `jpx`, followed by the first digits of the digest if one is asked for."""
    return f"jpx-{config.sha256[:12]}" if config.sha256 else "jpx"


REVISION = 1
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="prices", revision=REVISION, label=prices_label)
