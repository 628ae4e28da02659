"""A repeat with other arithmetic is noise, and zero where nothing that matters differs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tasks.embed.architecture import Architecture
from tasks.embed.chrono_gpt import ChronoGPTConfig
from tasks.embed.config import EmbedConfig, RepeatConfig
from tasks.embed.repeat import check_repeat
from tasks.embed.write import write_states
from tasks.forward.errors import UnusableModel
from tasks.schemas.artifacts import Embeddings
from tests.embed.small_encoders import small_model
from tests.model_fixtures import sentences_panel

TEXTS = [f"w{i} w{i % 7} w{i % 5}" for i in range(30)] * 2


def embedded(folder: Path, kind: str = "llama", **repeat: object) -> tuple[Embeddings, dict]:
    panel, model = sentences_panel(TEXTS), small_model(kind, folder / "model")
    config = EmbedConfig(undated=False, tokens_per_batch=64, repeat=RepeatConfig(**repeat))
    return Embeddings(folder), write_states(config, panel, model, folder)["repeat"]


def test_the_spread_of_bf16_is_that_of_its_eight_bits_and_is_what_the_arrays_hold(tmp_path: Path) -> None:
    found, facts = embedded(tmp_path, precision="bf16", n_rows=20)
    settings, rows, second = found.repeat()
    assert settings == "precision bf16"
    assert (rows.dtype, rows.shape, second.dtype, second.shape) == (np.int64, (20,), np.float32, (20, 16))
    assert (np.diff(rows) > 0).all()
    first = found.states()[rows]
    spread = np.linalg.norm(second - first, axis=1) / np.linalg.norm(first, axis=1)
    assert facts["largest_relative_difference"] == pytest.approx(spread.max())
    assert facts["mean_relative_difference"] == pytest.approx(spread.mean())
    assert torch.finfo(torch.bfloat16).eps / 100 < spread.mean() < 20 * torch.finfo(torch.bfloat16).eps


@pytest.mark.parametrize("settings", [{"attention": "eager"}, {"tokens_per_batch": 128}, {"precision": "fp32"}])
def test_in_fp32_other_kernels_and_batches_change_the_last_bits_at_most(settings: dict, tmp_path: Path) -> None:
    found, facts = embedded(tmp_path, kind="bert", **settings, n_rows=1_000)
    assert found.repeat().rows.tolist() == list(range(60))
    assert facts["n_rows"] == 60
    assert facts["largest_relative_difference"] < 1e-5


def test_the_first_states_do_not_depend_on_the_repeat_and_without_it_there_is_none(tmp_path: Path) -> None:
    found, _ = embedded(tmp_path, precision="bf16")
    (tmp_path / "alone").mkdir()
    facts = write_states(
        EmbedConfig(undated=False, tokens_per_batch=64),
        sentences_panel(TEXTS),
        small_model("llama", tmp_path / "model"),
        tmp_path / "alone",
    )
    assert (tmp_path / "alone" / "states.npy").read_bytes() == (found.path / "states.npy").read_bytes()
    assert (facts["repeat"], Embeddings(tmp_path / "alone").repeat()) == (None, None)


@pytest.mark.parametrize("same", [{"cpu_threads": 1}, {"tokens_per_batch": 8_192}])
def test_a_repeat_of_the_first_settings_is_refused(same: dict) -> None:
    with pytest.raises(ValidationError, match=r"embed.repeat has .*, as the first time"):
        EmbedConfig(repeat=RepeatConfig(**same))
    assert EmbedConfig(cpu_threads=2, tokens_per_batch=64, repeat=RepeatConfig(**same)).repeat is not None


def test_a_repeat_that_the_model_or_the_machine_cannot_do_is_refused_before_the_first_states(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"this machine \(device cpu\) has no flash-attn"):
        embedded(tmp_path, attention="flash_attention_2")
    assert not (tmp_path / "states.npy").exists()
    chrono = Architecture(ChronoGPTConfig(), is_causal=True, pooling="last", context=None)
    with pytest.raises(UnusableModel, match="would show no noise"):
        check_repeat(RepeatConfig(precision="fp32"), chrono, "cpu")
    check_repeat(RepeatConfig(tokens_per_batch=64), chrono, "cpu")


def test_a_repeat_with_the_same_settings_is_refused() -> None:
    with pytest.raises(ValidationError, match="a repeat needs another precision, tokens_per_batch"):
        RepeatConfig(n_rows=10)
