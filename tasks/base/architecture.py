"""The base model's architecture without its weights."""

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.base.config import BaseConfig, FolderSource, GgufSource, HubSource, TinySource
from tasks.base.hub import hub_errors, unavailable
from tasks.base.local import gguf_file
from tasks.base.tiny import tiny_config
from tasks.store.store import open_store

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def architecture_of(config: BaseConfig) -> "PretrainedConfig":
    """The architecture's config; of a hub model only config.json is downloaded.

    Raises:
        HubUnavailable: If the hub cannot be reached, refuses access, or lacks the repository or commit.
    """
    source = config.source
    if isinstance(source, TinySource):
        return tiny_config(source)
    if isinstance(source, HubSource):
        try:
            return _read(source.repo, revision=source.revision)
        except hub_errors() as error:
            raise unavailable(source, error) from error
    if isinstance(source, GgufSource):
        with gguf_file(source) as file:
            return _read(file.parent, gguf_file=file.name)
    return _read(Path(source.path) if isinstance(source, FolderSource) else open_store().fetch(source.artifact))


def _read(where: Path | str, **options: str) -> "PretrainedConfig":
    from transformers import AutoConfig

    architecture: PretrainedConfig = AutoConfig.from_pretrained(where, trust_remote_code=False, **options)
    return architecture
