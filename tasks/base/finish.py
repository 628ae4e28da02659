"""What every model of others must have before it is published: its own tokenizer, and no code that nobody allowed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from tasks.base.config import FolderTokenizer, HubSource, OtherTokenizer
from tasks.base.errors import CodeRefused, NoTokenizer
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.tokenizer import load_tokenizer, tokenizer_digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
)


def finish_tokenizer(folder: Path, other: OtherTokenizer | None) -> dict[str, JsonValue]:
    """Replace the model's tokenizer if another one is named, and check that there is one that fits.

    Raises:
        NoTokenizer: If there is none, or its ids go beyond the model's embedding.
        TokenizerError: If the named one cannot be loaded.
    """
    from transformers import AutoTokenizer

    if other is not None:
        tokenizer = _other(other)
        for name in TOKENIZER_FILES:
            (folder / name).unlink(missing_ok=True)
        tokenizer.save_pretrained(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, OSError, KeyError, ImportError) as error:
        raise NoTokenizer(
            f"the model has no tokenizer that transformers reads ({str(error).splitlines()[0][:200]}). Name the one it "
            "was trained with in base.source.tokenizer: {kind: hub, repo, revision}, or {kind: folder, path}."
        ) from error
    n_rows = json.loads((folder / "config.json").read_text()).get("vocab_size")
    largest = max(tokenizer.get_vocab().values(), default=-1)
    # A model's own may have more, such as a padding token that nobody uses.
    if largest < 0 or (other is not None and n_rows is not None and not largest < n_rows):
        raise NoTokenizer(
            f"the tokenizer has ids up to {largest:,}, the model's embedding {n_rows or 0:,} rows; they do not belong "
            "together. Name the model's own in base.source.tokenizer."
        )
    return {"tokenizer_sha256": tokenizer_digest(tokenizer)} if tokenizer.is_fast else {}


def _other(source: OtherTokenizer) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    if not isinstance(source, FolderTokenizer):
        return load_tokenizer(source)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source.path, trust_remote_code=False)
    except (ValueError, OSError, KeyError, ImportError) as error:
        raise NoTokenizer(
            f"folder {source.path} holds no tokenizer that transformers reads: {str(error).splitlines()[0][:200]}"
        ) from error
    return tokenizer


def finish_code(folder: Path, source: HubSource | None) -> dict[str, JsonValue]:
    """Refuse a model that needs code of its repository, or note that it was allowed.

    Raises:
        CodeRefused: If it was not, or if the code is in another repository.
    """
    from transformers import CONFIG_MAPPING

    config = json.loads((folder / "config.json").read_text())
    code = _code_of(folder)
    allowed = source.allow_code if source else None
    if allowed is None:
        if code and config.get("model_type") not in CONFIG_MAPPING and config.get("model_type") != "chrono_gpt":
            raise CodeRefused(
                f"the model is of type {config.get('model_type')!r}, which runs only with Python code of its "
                f"repository ({sorted(code)[0]}). Read that code at this commit, then set base.source.allow_code to "
                "owner/name@commit."
            )
        return {}
    if elsewhere := sorted(name for name in code if "--" in name):
        raise CodeRefused(
            f"the model's code is in another repository, {elsewhere[0].split('--')[0]}, at no pinned commit; it is not "
            "run. Copy the model and its code into one repository."
        )
    ModelFolder(folder).note_code(allowed)
    return {"allowed_code": allowed}


def _code_of(folder: Path) -> set[str]:
    """Classes that transformers would import from a repository, `module.Class` or `owner/name--module.Class`."""
    found: set[str] = set()
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            named: dict[str, Any] = json.loads((folder / name).read_text()).get("auto_map") or {}
            for value in named.values() if isinstance(named, dict) else [named]:
                found |= {entry for entry in (value if isinstance(value, list) else [value]) if entry}
    return found
