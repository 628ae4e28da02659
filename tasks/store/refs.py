"""References to published artifacts, and specifications of artifacts that may not exist yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

from pydantic import Field, JsonValue

from tasks.common.settings import Config, Frozen
from tasks.store.digests import sha256_of_json

Segment = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,120}$")]
"""One readable segment of a store path: no separator and no leading dot, so that no reference leaves the store."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

C = TypeVar("C", bound=Config)


class ArtifactRef(Frozen):
    """Path and content digest of a published artifact."""

    kind: Segment
    """Its stage, such as `train`."""
    label: Segment
    """Readable name, such as `fineweb-2017-26-lora`; derived from config and inputs."""
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """First 16 hex digits of the digest of its identity fields and input digests."""
    digest: Sha256
    """Digest of its files' paths and hashes."""

    @property
    def path(self) -> str:
        """Its folder below the store's root."""
        return f"{self.kind}/{self.label}/{self.key}"


@dataclass(frozen=True)
class ArtifactSpec:
    """What identifies an artifact before it exists: its path follows from its inputs and config.

    Args:
        kind: Its stage.
        label: Readable name.
        revision: The stage's REVISION, raised when the same input would give other bytes.
        config: The stage's config.
        inputs: References by the stage's names for them.
    """

    kind: str
    label: str
    revision: int
    config: Config
    inputs: Mapping[str, ArtifactRef] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, JsonValue]:
        """Everything that decides the artifact's bytes; its digest is the key."""
        return {
            "kind": self.kind,
            "revision": self.revision,
            "config": self.config.identity(),
            "inputs": {name: ref.digest for name, ref in sorted(self.inputs.items())},
        }

    @property
    def key(self) -> str:
        """16 hex digits: 64 bits distinguish more artifacts than a store will hold."""
        return sha256_of_json(self.identity)[:16]

    @property
    def path(self) -> str:
        """Its folder below the store's root."""
        return f"{self.kind}/{self.label}/{self.key}"


@dataclass(frozen=True)
class ArtifactType(Generic[C]):
    """How a stage's artifacts are named.

    Args:
        kind: The stage's name, the first segment of its artifacts' paths.
        revision: Raised when the same input would give other bytes.
        label: Readable name from the stage's config and inputs.
    """

    kind: str
    revision: int
    label: Callable[[C, Mapping[str, ArtifactRef]], str]

    def spec(self, config: C, inputs: Mapping[str, ArtifactRef] | None = None) -> ArtifactSpec:
        """The artifact of this config and these inputs."""
        inputs = dict(inputs or {})
        return ArtifactSpec(self.kind, self.label(config, inputs), self.revision, config, inputs)
