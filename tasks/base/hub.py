"""Download a model of the hub at a pinned commit: no pickles and no code unless the source allows them."""

import json
import shutil
from pathlib import Path

from tasks.base.config import HubSource
from tasks.base.errors import HubUnavailable, NoSafetensors

FILES = ("*.safetensors", "*.json", "*.jinja", "merges.txt", "vocab.txt")
"""Files to download. Pickles and code are left out, so that no downloaded file can run."""
PICKLES = ("pytorch_model*.bin", "config.pt")
CODE = ("*.py",)
INDEX = "model.safetensors.index.json"


def fetch_snapshot(source: HubSource, folder: Path) -> None:
    """Download a repository's weights, configs and tokenizer.

    Raises:
        HubUnavailable: If the hub cannot be reached, refuses access, or lacks the repository or commit.
        NoSafetensors: If its weights are in another format, or a file in the index is missing.
    """
    from huggingface_hub import snapshot_download

    patterns = [*FILES, *(CODE if source.allow_code else ())]
    try:
        snapshot_download(source.repo, revision=source.revision, allow_patterns=patterns, local_dir=folder)
        if source.pickles != "refuse" and not any(folder.glob("*.safetensors")):
            snapshot_download(source.repo, revision=source.revision, allow_patterns=list(PICKLES), local_dir=folder)
    except hub_errors() as error:
        raise unavailable(source, error) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)


def check_weights(folder: Path, name: str) -> None:
    """Check that a folder holds a complete model in safetensors.

    Raises:
        NoSafetensors: If it does not.
    """
    index = folder / INDEX
    wanted = {"model.safetensors"} if not index.is_file() else set(json.loads(index.read_text())["weight_map"].values())
    if missing := sorted(file for file in wanted if not (folder / file).is_file()):
        raise NoSafetensors(
            f"model {name} lacks {len(missing)} of {len(wanted)} safetensors files, {missing[0]} first; weights in "
            "other formats are not loaded because a pickle can run code. Name a repository with safetensors, or set "
            "base.source.pickles to isolated, which converts pytorch_model*.bin in a process without network."
        )


def hub_errors() -> tuple[type[Exception], ...]:
    """What huggingface_hub raises if the hub does not give a file."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    return (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, httpx.HTTPError, OSError)


def unavailable(source: HubSource, error: Exception) -> HubUnavailable:
    """The refusal, with the reason and the way out."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, GatedRepoError):
        reason = "it is gated: accept its terms on the hub and set HF_TOKEN"
    elif isinstance(error, RepositoryNotFoundError):
        reason = "the hub has no such repository, or hides it from you: check the name and HF_TOKEN"
    elif isinstance(error, RevisionNotFoundError):
        reason = "it has no such commit: check the revision on its page"
    elif (status := _status(error)) in (401, 403):
        reason = f"the hub refuses it (HTTP {status}): check that HF_TOKEN is valid and may read it"
    else:
        reason = f"the hub cannot be reached ({type(error).__name__}): check the network and HF_HUB_OFFLINE"
    return HubUnavailable(f"model {source.repo} at revision {source.revision[:12]} was not fetched; {reason}.")


def _status(error: BaseException | None) -> int | None:
    """HTTP status of the hub's response; huggingface_hub sometimes wraps it in another error."""
    while error is not None:
        if (response := getattr(error, "response", None)) is not None:
            return int(response.status_code)
        error = error.__cause__
    return None
