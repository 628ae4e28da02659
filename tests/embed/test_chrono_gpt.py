"""ChronoGPT: a checkpoint of the authors' layout is converted, and gives the states of a plain recomputation."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.base.config import BaseConfig, FolderSource, FolderTokenizer
from tasks.base.write import write_base
from tasks.common.isolation import IsolatedFailed
from tasks.embed.architecture import read_architecture
from tasks.embed.config import EmbedConfig
from tasks.embed.hidden_states import load_headless, pooled_states
from tasks.embed.write import write_states
from tasks.schemas.artifacts import Embeddings, ModelFolder
from tests.embed.small_encoders import WORDS, word_tokenizer
from tests.model_fixtures import scratch_folder, sentences_panel

HEADS, WIDTH = 2, 32


def checkpoint(
    n_layers: int, folder: Path, *, seed: int = 0, n_tokens: int = 40, **config: int
) -> dict[str, torch.Tensor]:
    """A random checkpoint with the names and files of the hub's repositories."""
    folder.mkdir()
    rng = torch.Generator().manual_seed(seed)
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (n_tokens, WIDTH), "lm_head.weight": (n_tokens, WIDTH)}
    shapes |= {f"value_embeds.embed.{i}.weight": (n_tokens, WIDTH) for i in range(3)}
    shapes["skip_weights"] = (n_layers // 2,)
    for i in range(n_layers):
        shapes |= {f"blocks.{i}.lambdas": (2,)}
        shapes |= {
            f"blocks.{i}.mlp.c_fc.weight": (4 * WIDTH, WIDTH),
            f"blocks.{i}.mlp.c_proj.weight": (WIDTH, 4 * WIDTH),
        }
        if not (n_layers == 12 and i == 7):
            shapes |= {f"blocks.{i}.attn.c_{what}.weight": (WIDTH, WIDTH) for what in ("q", "k", "v", "proj")}
            shapes |= {f"blocks.{i}.attn.lambdas": (2,)}
    tensors = {name: torch.randn(shape, generator=rng) / len(shape) / 2 for name, shape in shapes.items()}
    torch.save(tensors, folder / "pytorch_model.bin")
    sizes = {"vocab_size": n_tokens, "num_layers": n_layers, "num_heads": HEADS, "model_dim": WIDTH}
    torch.save(sizes | config, folder / "config.pt")
    (folder / "config.json").write_text('{"model_type": "ChronoGPT"}')
    return tensors


@cache
def converted(n_layers: int) -> tuple[dict[str, torch.Tensor], ModelFolder, dict]:
    """Converted once, as a process that imports torch does it."""
    folder = scratch_folder("chrono")
    tensors = checkpoint(n_layers, folder / "hub")
    word_tokenizer().save_pretrained(folder / "tokenizer")
    source = FolderSource(
        path=str(folder / "hub"), pickles="isolated", tokenizer=FolderTokenizer(path=str(folder / "tokenizer"))
    )
    (folder / "base").mkdir()
    facts = write_base(BaseConfig(source=source), folder / "base")
    return tensors, ModelFolder(folder / "base"), facts


def rms(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + np.finfo(np.float32).eps)


def rotated(x: np.ndarray) -> np.ndarray:
    """(n_tokens, head width), pair by pair as complex numbers."""
    half, n_turning = x.shape[1] // 2, x.shape[1] // 4
    speeds = np.r_[1024.0 ** -np.linspace(0, 1, n_turning), np.zeros(half - n_turning)]
    turned = (x[:, :half] + 1j * x[:, half:]) * np.exp(-1j * np.arange(len(x))[:, None] * speeds)
    return np.hstack([turned.real, turned.imag])


def recomputed(tensors: dict[str, torch.Tensor], n_layers: int, ids: list[int]) -> np.ndarray:
    """The last layer's normed output of one row, (n_tokens, WIDTH), in float64 by numpy, token by token."""
    weights = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    first = x = rms(weights["embed.weight"][ids])
    outputs: list[np.ndarray] = []
    for i in range(n_layers):
        own = {name.removeprefix(f"blocks.{i}."): w for name, w in weights.items() if name.startswith(f"blocks.{i}.")}
        if i >= n_layers // 2:
            x = x + weights["skip_weights"][i - n_layers // 2] * outputs[n_layers - 1 - i]
        x = own["lambdas"][0] * x + own["lambdas"][1] * first
        if "attn.lambdas" in own:
            q, k, v = (rms(x) @ own[f"attn.c_{what}.weight"].T for what in "qkv")
            v = own["attn.lambdas"][0] * v
            table = i if i < 3 else i - (n_layers - 3)
            if table >= 0 and table < 3:
                v = v + own["attn.lambdas"][1] * weights[f"value_embeds.embed.{table}.weight"][ids]
            mixed = np.zeros_like(x)
            for head in range(HEADS):
                part = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
                queries, keys = rotated(rms(q[:, part])), rotated(rms(k[:, part]))
                for t in range(len(ids)):
                    scores = np.exp(keys[: t + 1] @ queries[t] / np.sqrt(WIDTH // HEADS))
                    mixed[t, part] = scores / scores.sum() @ v[: t + 1, part]
            x = x + mixed @ own["attn.c_proj.weight"].T
        x = x + np.maximum(rms(x) @ own["mlp.c_fc.weight"].T, 0) ** 2 @ own["mlp.c_proj.weight"].T
        outputs.append(x)
    return rms(x)


@pytest.mark.parametrize("n_layers", [8, 12])
def test_it_gives_the_states_of_a_plain_recomputation_in_its_own_precision(
    n_layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, model, facts = converted(n_layers)
    assert facts["converted_pickles"] == ["config.pt", "pytorch_model.bin"]
    assert sorted(file.suffix for file in model.path.iterdir() if file.suffix in (".bin", ".pt")) == []
    ids = [[5, 9, 33, 7, 21, 8], [4, 11]]
    expected = [recomputed(tensors, n_layers, row)[-1] for row in ids]
    headless = load_headless(model.path, read_architecture(EmbedConfig(), model))
    coarse = pooled_states(headless, ids, 1_024)
    # bf16 has 8 bits; in fp32 the same module agrees to rounding.
    assert np.abs(coarse - expected).max() < 0.3
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.float)
    fine = pooled_states(headless.float(), ids, 1_024)
    # The tables were rounded to bf16 when loaded.
    rounded = {
        name: tensor if "lambdas" in name or "skip" in name else tensor.to(torch.bfloat16).float()
        for name, tensor in tensors.items()
    }
    np.testing.assert_allclose(fine, [recomputed(rounded, n_layers, row)[-1] for row in ids], atol=2e-4)


def test_states_are_of_the_last_real_token_whatever_the_padding(tmp_path: Path) -> None:
    _, model, _ = converted(8)
    texts = ["w1 w2 w3 w4", "w7"]
    facts = write_states(EmbedConfig(undated=False), sentences_panel(texts), model, tmp_path)
    headless = load_headless(model.path, read_architecture(EmbedConfig(), model))
    alone = [pooled_states(headless, [[WORDS.index(word) for word in text.split()]], 64)[0] for text in texts]
    np.testing.assert_allclose(Embeddings(tmp_path).states(), alone, atol=0.05)
    assert (facts["pooling"], facts["context"]) == ("last", 1_792)


def test_scalars_stay_in_fp32_and_the_rest_is_bf16_as_the_authors_compute() -> None:
    _, model, _ = converted(8)
    headless = load_headless(model.path, read_architecture(EmbedConfig(), model))
    formats = {name: tensor.dtype for name, tensor in headless.named_parameters()}
    scalars = {name for name in formats if name.endswith("lambdas") or name == "skip_weights"}
    assert {formats[name] for name in scalars} == {torch.float32}
    assert {formats[name] for name in formats.keys() - scalars} == {torch.bfloat16}


def test_a_config_of_something_else_is_refused(tmp_path: Path) -> None:
    checkpoint(8, tmp_path / "hub", num_layers=7)
    source = FolderSource(path=str(tmp_path / "hub"), pickles="isolated")
    (tmp_path / "base").mkdir()
    with pytest.raises(
        IsolatedFailed, match=r"config\.pt has 7 layers, 2 heads and width 32; ChronoGPT has an even number"
    ):
        write_base(BaseConfig(source=source), tmp_path / "base")
