"""What all providers have in common: four operations, each safe to repeat, each with a dry run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from tasks.rent.config import RentedPool
from tasks.rent.errors import ProviderError

State = Literal["starting", "running", "stopping"]
"""Of a machine that may cost. One that has ended is not listed."""


@dataclass(frozen=True)
class Offer:
    """A machine that can be rented now.

    Args:
        name: As the provider calls it.
        dollars_per_hour: Of the whole machine.
        where: Cloud and region, where known.
    """

    name: str
    dollars_per_hour: float
    where: str = ""

    def __str__(self) -> str:
        """As in `H100:1 in vast: $2.10 an hour`."""
        return f"{self.name}{f' in {self.where}' if self.where else ''}: ${self.dollars_per_hour:,.2f} an hour"


@dataclass(frozen=True)
class Listed:
    """A machine as the provider lists it.

    Args:
        state: Its state.
        since: When it began there; None where the provider does not say.
        id: What the provider calls it, if that is not its name.
    """

    state: State
    since: datetime | None = None
    id: str = ""


@dataclass(frozen=True)
class Order:
    """What a machine is started with.

    Args:
        name: The machine's; also its name at the provider.
        pool: What to rent.
        offer: The offer that was chosen.
        command: What it runs; the machine ends when this ends.
        environment: Variables with their values.
        secrets: Variables whose values are secret.
    """

    name: str
    pool: RentedPool
    offer: Offer
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


class Provider(Protocol):
    """Rents machines. Every method raises `ProviderError` unless the provider gave a complete answer.

    Made with `dry_run`, it runs nothing that changes or asks anything: `commands` then has what it would run.
    """

    commands: list[str]

    def offers(self, pool: RentedPool) -> list[Offer]:
        """What fits the pool now, the cheapest first."""

    def start(self, order: Order) -> None:
        """Start a machine; one that exists under the name already is left alone."""

    def status(self) -> dict[str, Listed]:
        """Machines of this account that may cost, by their names. One that is not in it may run all the same."""

    def has_ended(self, name: str, provider_id: str) -> bool:
        """Whether a machine costs nothing any more.

        True only if the provider says so of this machine; that a list leaves it out is not enough.

        Args:
            name: The machine.
            provider_id: The `id` it was listed with; empty if it never was.
        """

    def stop(self, name: str, provider_id: str = "") -> None:
        """Stop a machine for good; no error if it does not exist. The arguments are those of `has_ended`."""


def unknown_machine(name: str, why: str) -> ProviderError:
    """The error where a provider does not know whether a machine has ended."""
    return ProviderError(
        f"{why}: nobody knows whether machine {name} has ended. Look at the provider's page; where it is gone there, "
        f"`hindsight rent stop {name} --gone --why REASON` closes its record."
    )
