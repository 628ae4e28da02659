"""What the converter sees of a model: data, in one folder, that does not contradict itself."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tasks.gguf.errors import NotConvertible
from tasks.gguf.source import n_parameters, stage_model
from tests.gguf.small_chat_models import chat_model, set_config


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return chat_model(tmp_path / "model")


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    (tmp_path / "staged").mkdir()
    return tmp_path / "staged"


def test_code_and_pickles_are_left_out(model: Path, staged: Path) -> None:
    for name in ("modeling.py", "pytorch_model.bin", "optimizer.pt"):
        (model / name).touch()
    assert stage_model(model, staged) == []
    assert sorted(file.name for file in staged.iterdir()) == [
        *("chat_template.jinja", "config.json", "generation_config.json", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json"),
    ]


def test_an_index_that_names_a_file_elsewhere_is_refused(model: Path, staged: Path) -> None:
    index = {"weight_map": {"lm_head.weight": "../other.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(NotConvertible, match=r"names '\.\./other\.safetensors', which is not a weight file"):
        stage_model(model, staged)


def test_a_folder_without_weights_is_refused(model: Path, staged: Path) -> None:
    (model / "model.safetensors").unlink()
    with pytest.raises(NotConvertible, match=r"no config\.json or no safetensors"):
        stage_model(model, staged)


def test_a_tokenizer_read_from_gguf_is_corrected_and_gives_the_same_ids(model: Path, staged: Path) -> None:
    """transformers writes byte_fallback, and the start token as end token, when it reads a tokenizer from GGUF."""
    content = json.loads((model / "tokenizer.json").read_text())
    content["model"]["byte_fallback"] = True
    (model / "tokenizer.json").write_text(json.dumps(content))
    file = model / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token": "<|im_start|>"}))
    assert stage_model(model, staged) == [
        "tokenizer.json: byte_fallback of a byte-level vocabulary",
        "tokenizer_config.json: end token <|im_start|> instead of <|im_end|>",
    ]
    before, after = (AutoTokenizer.from_pretrained(folder) for folder in (model, staged))
    text = "<|im_start|>user\nWill it rise? Ja, ist größer.<|im_end|>\n"
    assert before(text)["input_ids"] == after(text)["input_ids"]
    assert after.eos_token == "<|im_end|>"
    assert json.loads((model / "tokenizer.json").read_text())["model"]["byte_fallback"]


def test_the_end_token_is_the_configs(model: Path, staged: Path) -> None:
    set_config(model, eos_token_id=[0, 2])
    assert stage_model(model, staged) == ["tokenizer_config.json: end token <|im_end|> instead of <|endoftext|>"]


def test_values_are_counted_from_headers(model: Path) -> None:
    embedding, layer = 261 * 64, 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64
    assert n_parameters(model) == 2 * embedding + 2 * layer + 64
