"""The base model's architecture without its weights."""

from typing import TYPE_CHECKING

from tasks.base.config import BaseConfig, HubSource
from tasks.base.hub import hub_errors, unavailable
from tasks.base.tiny import tiny_config

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def architecture_of(config: BaseConfig) -> "PretrainedConfig":
    """The architecture's config; of a hub model only config.json is downloaded.

    Raises:
        HubUnavailable: If the hub cannot be reached, refuses access, or lacks the repository or commit.
    """
    source = config.source
    if not isinstance(source, HubSource):
        return tiny_config(source)
    from transformers import AutoConfig

    try:
        architecture: PretrainedConfig = AutoConfig.from_pretrained(
            source.repo, revision=source.revision, trust_remote_code=False
        )
    except hub_errors() as error:
        raise unavailable(source, error) from error
    return architecture
