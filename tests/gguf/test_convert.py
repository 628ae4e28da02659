"""A GGUF file has the model's values, whatever wrote it, and the same model gives the same bytes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tasks.gguf.convert import compare, convert
from tasks.gguf.errors import GgufError
from tasks.gguf.header import read_header
from tasks.gguf.source import n_parameters, stage_model
from tasks.store.digests import sha256_of_file
from tests.gguf.small_chat_models import chat_model, needs_export

pytestmark = needs_export()


def test_the_file_is_the_model_and_its_header_says_so(staged_model: Path, gguf: Path) -> None:
    found = compare(staged_model, gguf)
    assert (found.problems, found.types) == ([], {"F32": 5, "Q8_0": 16})
    assert 0.5 < found.worst <= 1
    header = read_header(gguf)
    assert (header.architecture, header.name, header.types) == ("llama", "small", found.types)
    assert (header.n_layers, header.hidden_size, header.context_length, header.vocabulary_size) == (2, 64, 1_024, 261)
    assert (header.n_parameters, header.is_whole, header.has_chat_template) == (n_parameters(staged_model), True, True)
    assert header.n_bytes == gguf.stat().st_size


def test_two_conversions_have_one_sha256(staged_model: Path, gguf: Path, tmp_path: Path) -> None:
    convert(staged_model, tmp_path / "again.gguf", "q8_0", "small")
    assert sha256_of_file(tmp_path / "again.gguf") == sha256_of_file(gguf)


def test_every_tensor_that_differs_is_named_and_no_other(staged_model: Path, gguf: Path, tmp_path: Path) -> None:
    """Doubled; one number moved by a step of Q8_0, in a tensor that the converter permutes; a norm's last bit; NaN."""
    changed = Path(shutil.copytree(staged_model, tmp_path / "changed"))
    tensors = load_file(staged_model / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"] *= 2
    block = tensors["model.layers.0.self_attn.q_proj.weight"][5, 32:64]
    block[np.abs(block).argmin()] += np.abs(block).max() * 1.2 / 127
    tensors["model.norm.weight"][3] = np.nextafter(np.float32(1), np.float32(2))
    tensors["model.layers.0.mlp.down_proj.weight"][0, 0] = np.nan
    save_file(tensors, changed / "model.safetensors", metadata={"format": "pt"})
    assert sorted(problem.split(" differs by ")[0] for problem in compare(changed, gguf).problems) == [
        *("blk.0.attn_q.weight", "blk.0.ffn_down.weight", "blk.1.ffn_up.weight", "output_norm.weight"),
    ]


@pytest.mark.slow
def test_another_model_differs_everywhere(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stage_model(chat_model(tmp_path / "model", seed=1), tmp_path / "other")
    found = compare(tmp_path / "other", gguf)
    assert len(found.problems) == 16
    assert found.types["F32"] == 5


def test_a_truncated_file_is_refused_or_said_to_be_cut(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(gguf.read_bytes()[:-4_096])
    with pytest.raises(GgufError, match="header ended with status 1"):
        read_header(tmp_path / "cut.gguf")
    (tmp_path / "long.gguf").write_bytes(gguf.read_bytes() + bytes(4_096))
    assert not read_header(tmp_path / "long.gguf").is_whole
