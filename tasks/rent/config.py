"""configs/rent.yaml: pools whose machines are rented when a stage needs them."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.common.settings import Config, project_root
from tasks.common.yaml_file import read_yaml
from tasks.costs.hardware import POOLS
from tasks.rent.errors import BadRent

RENT_VARIABLE = "HINDSIGHT_RENT"
ProviderName = Literal["skypilot", "vessl", "local"]
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")]
PLAIN: tuple[Variable, ...] = (
    "PREFECT_API_URL", "HINDSIGHT_STORE", "HINDSIGHT_S3_ENDPOINT", "HINDSIGHT_PROVIDER", "AWS_REGION",
)  # fmt: skip
SECRET: tuple[Variable, ...] = (
    "PREFECT_API_AUTH_STRING", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN",
)  # fmt: skip


class RentedPool(Config):
    """What is rented for a pool, for how long and for how much."""

    pool: str = Field(min_length=1, max_length=40)
    """A pool of deployments/pools."""
    provider: ProviderName
    """`skypilot`, `vessl`, or `local`: processes of this machine, for tests."""
    offer: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,100}$")
    """What to ask for: accelerators such as `H100:1` (skypilot), the slug of a resource spec (vessl)."""
    where: str = Field("", pattern=r"^[A-Za-z0-9*][A-Za-z0-9*._/-]{0,100}$|^$")
    """SkyPilot's `infra`, such as `vast` or `aws/us-east-1`; empty for any."""
    image: str = Field("", pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,300}$|^$")
    """The pool's container image (docs/install.md); not of `local`."""
    python: str = "/opt/hindsight/.venv/bin/python"
    """The pipeline's interpreter on the machine."""
    folder: str = "/opt/hindsight"
    """The project's folder on the machine."""
    max_dollars_per_hour: float = Field(ge=0, le=1_000)
    """A dearer offer is not taken."""
    lease_hours: float = Field(gt=0, le=24 * 31)
    """The machine ends this long after it was rented, whatever it does then. Longer than the longest stage."""
    idle_minutes: float = Field(10, gt=0, le=24 * 60)
    """Without a run for this long, and with every result proved, the machine ends itself."""
    environment: tuple[Variable, ...] = PLAIN
    """Variables that the machine gets from the process that rents it, where they are set."""
    secrets: tuple[Variable, ...] = SECRET
    """The same for secrets: no value is recorded, logged or written on a command line. VESSL takes each from the secret
    of this name in its own store."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pool not in POOLS:
            raise ValueError(f"pool {self.pool!r} is unknown; pools are {', '.join(POOLS)}")
        if POOLS[self.pool].n_gpus == 0:
            raise ValueError(f"pool {self.pool!r} runs the parents that wait for all others, so it would never be idle")
        if self.provider != "local" and not self.image:
            raise ValueError(f"pool {self.pool!r} needs the `image` that its machine runs (docs/install.md, images)")
        return self


class RentConfig(Config):
    """All rented pools."""

    pools: tuple[RentedPool, ...] = ()
    """None: nothing is ever rented."""

    @model_validator(mode="after")
    def _check_once(self) -> Self:
        names = [pool.pool for pool in self.pools]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"pool {twice!r} is listed twice; keep one")
        return self

    def find(self, pool: str) -> RentedPool | None:
        """What is rented for a pool; None if its machines are not rented here."""
        return next((each for each in self.pools if each.pool == pool), None)


def load_rent(file: Path | None = None) -> RentConfig:
    """Read the rented pools, by default configs/rent.yaml or what HINDSIGHT_RENT names.

    Raises:
        BadRent: If the file is missing or not valid.
    """
    named = os.environ.get(RENT_VARIABLE)
    file = file or (Path(named) if named else project_root() / "configs" / "rent.yaml")
    return read_yaml(file, RentConfig, BadRent, "list of rented pools", "docs/rent.md")
