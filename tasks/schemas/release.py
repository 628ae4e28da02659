"""What was shown of an exported model before it was released: what the release stage publishes and the page shows."""

from pathlib import Path

from pydantic import Field, JsonValue

from tasks.common.settings import Frozen
from tasks.schemas.examples import Gate
from tasks.store.refs import ArtifactRef, Sha256

RELEASE_NAME, MODELFILE = "release.json", "Modelfile"


class ReleasedFile(Frozen):
    """A file of the export, as another client fetched it."""

    path: str
    size: int = Field(ge=0)
    """Bytes."""
    sha256: Sha256


class Release(Frozen):
    """`release`: `release.json` and a copy of the `Modelfile`. It exists only for a model that passed every step."""

    export: ArtifactRef
    """The model's artifact."""
    client: str
    """The other client, with its version."""
    files: list[ReleasedFile] = Field(min_length=1)
    gguf: dict[str, JsonValue]
    """What the fetched file's header says: architecture, tensors, types."""
    n_probes: int = Field(ge=1)
    """Prompts to which the fetched file gave the export's answers."""
    gates: list[Gate] = Field(min_length=1)
    """All of them passed."""

    @classmethod
    def read(cls, folder: Path) -> "Release":
        """Read an artifact."""
        return cls.model_validate_json((folder / RELEASE_NAME).read_text(encoding="utf-8"))

    @property
    def model_file(self) -> ReleasedFile:
        """The quantized GGUF file; one in f16 lies in a folder beside it."""
        (found,) = [file for file in self.files if file.path.endswith(".gguf") and "/" not in file.path]
        return found
