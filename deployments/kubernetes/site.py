"""What a cluster's pools.yaml says: images, sizes, nodes, secrets. GPUs follow from the pool's name."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tasks.common.errors import HindsightError
from tasks.common.settings import Config
from tasks.common.yaml_file import read_yaml
from tasks.costs.hardware import POOLS

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
SECRET_WORDS = frozenset({"SECRET", "PASSWORD", "TOKEN", "KEY", "AUTH", "WEBHOOK"})
"""A variable with one of these between its underscores holds a secret."""
PREFECT_KILLS_AFTER_SECONDS = 60
"""After its SIGTERM a run has 30 s in Prefect's supervisor, which itself ends a moment later."""


def _check_no_secret(variable: str) -> str:
    # Of the name alone: an error shows what it was given.
    if SECRET_WORDS & set(variable.split("_")):
        raise ValueError(
            "a secret here could be read by everyone who may read the pool; store it by `kubectl create secret "
            "generic` and name it in `secrets`"
        )
    return variable


def _check_pool(name: str) -> str:
    if name not in POOLS:
        raise ValueError(f"an unknown pool; pools are {', '.join(POOLS)}")
    return name


Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")]
PlainVariable = Annotated[Variable, AfterValidator(_check_no_secret)]
PoolName = Annotated[str, AfterValidator(_check_pool)]


class BadSite(HindsightError):
    """A cluster's file cannot be read or is not valid."""


class SecretKey(Config):
    """A key of a Kubernetes secret."""

    name: Name
    """The secret, in the namespace of the jobs."""
    key: str = Field(pattern=r"^[-._a-zA-Z0-9]+$")
    """Its key."""


class Toleration(Config):
    """A taint that the pool's pods tolerate, with Kubernetes' keys."""

    key: str
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class SitePool(Config):
    """The pods of one pool."""

    image: str = Field(pattern=r"^[^\s:]+(:\d+/\S+)?(:[^\s:]+|@sha256:[0-9a-f]{64})$")
    """With a tag or a digest."""
    cpus: int = Field(ge=1, le=512)
    """Cores, requested and allowed."""
    memory_gib: int = Field(ge=2, le=8_192)
    """Memory, requested and allowed; shared memory is part of it."""
    shm_gib: int = Field(ge=1, le=2_048)
    """Size of /dev/shm: torch's loaders and NCCL exchange through it; 64 MiB is a container's default."""
    scratch_gb: int = Field(ge=1, le=100_000)
    """Size of the volume for everything a run writes, in 10^9 bytes; preflight's line `disk of POOL` says what a
    recipe needs."""
    storage_class: Name | None = None
    """Of that volume; the cluster's default if unset."""
    state_publish_seconds: int = Field(0, ge=0, le=7_200)
    """Time a pod that is asked to leave has to publish a training state, before it is terminated."""
    node_selector: dict[str, str] = {}
    """Labels of the nodes."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of the nodes, such as those of GPU or spot nodes."""

    @model_validator(mode="after")
    def _check_shm(self) -> Self:
        if not 2 * self.shm_gib <= self.memory_gib:
            raise ValueError(
                f"shm_gib={self.shm_gib} is more than half of memory_gib={self.memory_gib}, which it is part of; raise "
                "memory_gib or lower shm_gib"
            )
        return self

    @property
    def grace_seconds(self) -> int:
        """Between the request to leave and SIGKILL."""
        return self.state_publish_seconds + PREFECT_KILLS_AFTER_SECONDS


class Site(Config):
    """A cluster."""

    namespace: Name = "hindsight"
    """Where the jobs run."""
    environment: dict[PlainVariable, str] = {}
    """Of all pods, such as HINDSIGHT_STORE. No secrets."""
    secrets: dict[Variable, SecretKey] = {}
    """By the variable that a pod sees."""
    image_pull_secrets: tuple[Name, ...] = ()
    """Of the images' registry."""
    pools: dict[PoolName, SitePool]
    """The pools that this cluster serves."""


def load_site(file: Path) -> Site:
    """Read a cluster's file.

    Raises:
        BadSite: If it is not valid; the message names the key.
    """
    return read_yaml(file, Site, BadSite, "cluster's file", "deployments/kubernetes/site.py")
