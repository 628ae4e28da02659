"""Any architecture of transformers: pooling, special tokens and context follow from its config and tokenizer."""

import json
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM

from tasks.common.isolation import NAMESPACE, SECCOMP
from tasks.embed.architecture import read_architecture
from tasks.embed.config import EmbedConfig
from tasks.embed.errors import UnusablePrompt
from tasks.embed.hidden_states import load_headless
from tasks.embed.outline import Outline, outline
from tasks.embed.sentences import read_sentences
from tasks.embed.write import write_states
from tasks.forward.errors import UnusableModel
from tasks.schemas.artifacts import Embeddings, ModelFolder
from tests.embed.small_encoders import CAUSAL, CONFIGS, N_POSITIONS, WORDS, small_model, word_tokenizer
from tests.model_fixtures import sentences_panel

TEXTS = ["w1 w2 w3 w4 w5 w6 w7", "w9", "w1 w2"]
LONG = " ".join(f"w{i}" for i in range(20))


def embed(model: ModelFolder, texts: list[str], folder: Path, **config: object) -> np.ndarray:
    write_states(EmbedConfig(undated=False, **config), sentences_panel(texts), model, folder)
    return Embeddings(folder).states()


def one_by_one(kind: str, model: ModelFolder, ids: list[list[int]]) -> list[np.ndarray]:
    """(n_tokens, hidden) last layer of each row by transformers itself, without padding."""
    loaded = (AutoModelForCausalLM if kind in CAUSAL else AutoModel).from_pretrained(model.path).eval()
    loaded = loaded.get_encoder() if loaded.config.is_encoder_decoder else loaded
    with torch.inference_mode():
        found = [loaded(input_ids=torch.tensor([row]), output_hidden_states=True) for row in ids]
    return [states.hidden_states[-1][0].numpy() for states in found]


@pytest.mark.parametrize("kind", CONFIGS)
def test_auto_takes_the_last_token_of_a_causal_model_and_the_mean_of_an_encoder_with_its_special_tokens(
    kind: str, tmp_path: Path
) -> None:
    model = small_model(kind, tmp_path / "model")
    plain = [[WORDS.index(word) for word in text.split()] for text in TEXTS]
    ids = plain if kind in CAUSAL else [[1, *row, 2] for row in plain]
    each = one_by_one(kind, model, ids)
    expected = [states[-1] if kind in CAUSAL else states.mean(axis=0) for states in each]
    np.testing.assert_allclose(embed(model, TEXTS, tmp_path), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_the_class_token_is_the_first(kind: str, tmp_path: Path) -> None:
    model = small_model(kind, tmp_path / "model")
    ids = [[1, *(WORDS.index(word) for word in text.split()), 2] for text in TEXTS]
    expected = [states[0] for states in one_by_one(kind, model, ids)]
    np.testing.assert_allclose(embed(model, TEXTS, tmp_path, pooling="class"), expected, rtol=1e-4, atol=1e-5)


def test_a_causal_model_has_no_class_token(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"first token of a causal model \(llama\) sees no other: all"):
        read_architecture(EmbedConfig(pooling="class"), small_model("llama", tmp_path))


@pytest.mark.parametrize(
    ("kind", "most"), [("llama", N_POSITIONS), ("gpt2", N_POSITIONS), ("bert", N_POSITIONS), ("roberta", 14)]
)
def test_a_sentence_longer_than_the_positions_is_refused_or_cut_on_the_left(
    kind: str, most: int, tmp_path: Path
) -> None:
    # RoBERTa's table keeps the rows up to its padding token's for padding.
    model, panel = small_model(kind, tmp_path / "model"), sentences_panel([*TEXTS, LONG])
    n_special = 0 if kind in CAUSAL else 2
    with pytest.raises(
        UnusablePrompt, match=rf"row 3 has {20 + n_special} tokens, .* the model's context of {most} are allowed"
    ):
        write_states(EmbedConfig(undated=False), panel, model, tmp_path)
    facts = write_states(EmbedConfig(undated=False, too_long="cut_left"), panel, model, tmp_path)
    assert (facts["n_cut"], facts["context"], facts["longest_prompt_tokens"]) == (1, most, most)
    kept = " ".join(f"w{i}" for i in range(20 - most + n_special, 20))
    found = Embeddings(tmp_path).states()
    np.testing.assert_allclose(found[3], embed(model, [kept], tmp_path)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("limit", "most"), [(9, 9), (100, N_POSITIONS)])
def test_the_tokenizers_own_limit_is_a_second_bound(limit: int, most: int, tmp_path: Path) -> None:
    model = small_model("bert", tmp_path, model_max_length=limit)
    cut = read_sentences(EmbedConfig(undated=False, too_long="cut_left"), sentences_panel([LONG]), model)["prompt"]
    assert (len(cut.ids[0]), cut.ids[0][0], cut.ids[0][-2:]) == (most, 1, [WORDS.index("w19"), 2])


def test_a_sentence_of_special_tokens_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusablePrompt, match="row 1 has 2 tokens, between 3 and"):
        embed(small_model("bert", tmp_path), ["w1", ""], tmp_path)


def test_a_missing_weight_is_refused_and_not_drawn_at_random(tmp_path: Path) -> None:
    model = small_model("bert", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    load_headless(tmp_path, read_architecture(EmbedConfig(), model))
    del kept["encoder.layer.1.output.dense.bias"]
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UnusableModel, match=r"lack 1 weights, encoder\.layer\.1\.output\.dense\.bias first"):
        load_headless(tmp_path, read_architecture(EmbedConfig(), model))


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    word_tokenizer().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "nobody-knows"}')
    with pytest.raises(UnusableModel, match=r"does not read the model's config: .*nobody-knows"):
        read_architecture(EmbedConfig(), ModelFolder(tmp_path))


def test_fields_that_came_later_leave_the_keys_of_earlier_artifacts_as_they_were() -> None:
    earlier = {"tokens_per_batch": 8_192, "cpu_threads": 1, "max_tokens": 1_024, "undated": True}
    assert EmbedConfig().identity() == earlier
    assert EmbedConfig(pooling="mean").identity() == earlier | {"pooling": "mean"}


CODE = """
import socket
from transformers import LlamaConfig, LlamaForCausalLM

class MineConfig(LlamaConfig):
    model_type = "mine"

class Mine(LlamaForCausalLM):
    config_class = MineConfig

    def __init__(self, config):
        super().__init__(config)
        try:
            socket.create_connection(("127.0.0.1", {port}), timeout=5)
            raise SystemExit("the network is there")
        except OSError:
            print("no network")
"""


def test_allowed_code_runs_without_network_in_a_process_of_its_own_and_refused_code_does_not_run(
    tmp_path: Path,
) -> None:
    model = small_model("llama", tmp_path / "model")
    expected = embed(model, TEXTS, tmp_path)
    config = json.loads(model.config_file.read_text())
    classes = {"AutoConfig": "mine.MineConfig", "AutoModelForCausalLM": "mine.Mine"}
    model.config_file.write_text(json.dumps(config | {"model_type": "mine", "auto_map": classes}))
    with pytest.raises(UnusableModel, match="does not read the model's config"):
        embed(model, TEXTS, tmp_path)
    model.note_code(f"some/one@{'a' * 40}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        (model.path / "mine.py").write_text(CODE.format(port=server.getsockname()[1]))
        facts = write_states(EmbedConfig(undated=False), sentences_panel(TEXTS), model, tmp_path)
        # Preflight asks the same code for the width and the sentences.
        found = outline(EmbedConfig(undated=False), sentences_panel(TEXTS), model)
    assert found == Outline(width=16, n_sentences=len(TEXTS), longest=max(len(text.split()) for text in TEXTS))
    assert facts["allowed_code"] == f"some/one@{'a' * 40}"
    assert facts["isolation"] in (SECCOMP, NAMESPACE)
    np.testing.assert_allclose(Embeddings(tmp_path).states(), expected, rtol=1e-4, atol=1e-5)
