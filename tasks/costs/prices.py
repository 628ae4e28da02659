"""Prices of the pools: dated, sourced dollars per GPU-hour from configs/prices.yaml."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from tasks.common.errors import HindsightError
from tasks.common.settings import Frozen, project_root
from tasks.common.yaml_file import read_yaml
from tasks.costs.hardware import POOLS

PROVIDER_VARIABLE = "HINDSIGHT_PROVIDER"
SECONDS_PER_HOUR = 3_600

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")]


class BadPrices(HindsightError):
    """The price list cannot be read or is not valid."""


class Price(Frozen):
    """One provider's price of a pool on one day."""

    pool: Name
    provider: Name
    dollars_per_gpu_hour: float = Field(ge=0, le=1_000)
    as_of: date
    source: str = Field(min_length=10)

    @property
    def dollars_per_hour(self) -> float:
        """Of a whole machine; one without a GPU counts as one."""
        return self.dollars_per_gpu_hour * max(POOLS[self.pool].n_gpus, 1)


@dataclass(frozen=True)
class Rental:
    """A rented machine of a pool, and what its offer cost.

    Args:
        pool: The pool it served.
        provider: Who rented it out.
        machine: Its name.
        dollars_per_hour: Of the whole machine.
        began: When it was rented.
        ended: When its stop was confirmed; None while it may cost.
    """

    pool: str
    provider: str
    machine: str
    dollars_per_hour: float
    began: datetime
    ended: datetime | None = None

    def holds(self, pool: str | None, moment: datetime) -> bool:
        """Whether what a pool did at a moment ran on it: parents on one pool share one machine."""
        return pool == self.pool and self.began <= moment and (self.ended is None or moment <= self.ended)

    @property
    def price(self) -> Price:
        """Its price on the day it was rented."""
        per_gpu = self.dollars_per_hour / max(POOLS[self.pool].n_gpus, 1)
        return Price(
            pool=self.pool,
            provider=self.provider,
            dollars_per_gpu_hour=per_gpu,
            as_of=self.began.date(),
            source=f"rented machine {self.machine}",
        )


class Prices(Frozen):
    """A price list."""

    provider: Name
    """Used unless HINDSIGHT_PROVIDER names another."""
    prices: tuple[Price, ...]
    _rentals: tuple[Rental, ...] = ()

    @model_validator(mode="after")
    def _check_pools(self) -> Self:
        for index, price in enumerate(self.prices):
            if price.pool not in POOLS:
                raise ValueError(f"pool {price.pool!r} is unknown; pools are {', '.join(POOLS)}")
            if any((price.pool, price.provider) == (other.pool, other.provider) for other in self.prices[:index]):
                raise ValueError(f"pool {price.pool!r} has two prices of provider {price.provider!r}; keep the newer")
        return self

    def find(self, pool: str | None, moment: datetime | None = None) -> Price | None:
        """The pool's price at the current provider; at a moment, that of the machine that was rented for it then."""
        if moment and (rental := next((each for each in self._rentals if each.holds(pool, moment)), None)):
            return rental.price
        wanted = (pool, self.current_provider)
        return next((price for price in self.prices if (price.pool, price.provider) == wanted), None)

    @property
    def current_provider(self) -> str:
        """The provider of the environment, or else of the list."""
        return os.environ.get(PROVIDER_VARIABLE) or self.provider

    def with_rentals(self, rentals: Iterable[Rental]) -> Self:
        """A list that also knows rented machines, by whose prices `find` answers for a moment."""
        found = self.model_copy()
        found._rentals = tuple(rentals)
        return found

    def with_rent(self, pool: str, dollars_per_hour: float, source: str) -> Self:
        """A list in which the pool's machine has the price of its offer instead of the current provider's."""
        per_gpu = dollars_per_hour / max(POOLS[pool].n_gpus, 1)
        own = Price(
            pool=pool, provider=self.current_provider, dollars_per_gpu_hour=per_gpu, as_of=date.today(), source=source
        )
        return self.model_copy(
            update={"prices": (own, *(price for price in self.prices if price is not self.find(pool)))}
        )

    def check_provider(self, name: str) -> None:
        """Raise BadPrices if the list has no price of a provider."""
        known = sorted({price.provider for price in self.prices})
        if name not in known:
            raise BadPrices(
                f"configs/prices.yaml has no prices of provider {name!r}; it has those of {', '.join(known)}."
            )


def load_prices(file: Path | None = None) -> Prices:
    """Read a price list, by default configs/prices.yaml.

    Raises:
        BadPrices: If the file is missing or not valid: an unknown key, a value out of bounds, a pool twice.
    """
    file = file or project_root() / "configs" / "prices.yaml"
    return read_yaml(file, Prices, BadPrices, "prices", "configs/prices.yaml")


def charge(price: Price | None, seconds: float) -> float | None:
    """Dollars for a machine over a time; None without a price."""
    return None if price is None else price.dollars_per_hour * seconds / SECONDS_PER_HOUR


def dollars(seconds: float, pool: str) -> float | None:
    """Dollars for a pool's machine over a time; None if the pool has no price.

    Raises:
        BadPrices: As `load_prices`.
    """
    return charge(load_prices().find(pool), seconds)


def add_known(amounts: Iterable[float | None]) -> float | None:
    """Their sum; None if one of them is unknown."""
    known = list(amounts)
    return None if None in known else sum(amount for amount in known if amount is not None)
