"""Large tokenizers are read once per test process: 248,000 ids take three seconds, in many tests."""

import copy
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LARGE_BYTES = 1_000_000


@contextmanager
def read_once() -> Iterator[None]:
    """While it lasts, folders whose tokenizer files have the same bytes share what transformers made of the first.

    Each caller gets a tokenizer of its own, with a template and special tokens of its own, over the same vocabulary.
    """
    module = sys.modules.get("transformers.models.auto.tokenization_auto")
    if module is None:
        # No test of this process imports it at its start: it is not imported for their sake.
        yield
        return
    read = module.AutoTokenizer.from_pretrained
    loaded: dict[str, PreTrainedTokenizerBase] = {}

    def from_pretrained(pretrained_model_name_or_path: object, **options: Any) -> "PreTrainedTokenizerBase":
        source, folder = pretrained_model_name_or_path, Path(str(pretrained_model_name_or_path))
        if not (file := folder / "tokenizer.json").is_file() or file.stat().st_size < LARGE_BYTES:
            return read(source, **options)
        key = _digest(folder, repr(sorted(options.items())))
        loaded[key] = loaded.get(key) or read(source, **options)
        own = copy.copy(loaded[key])
        own.__dict__ |= {"_special_tokens_map": dict(own._special_tokens_map), "name_or_path": str(source)}
        return own

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module.AutoTokenizer, "from_pretrained", from_pretrained)
        yield


def _digest(folder: Path, options: str) -> str:
    digest = hashlib.sha256(options.encode())
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix != ".safetensors":
            digest.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()
