"""The tiny base: all kinds of layers, real vocabulary, the same bytes after any earlier draws."""

import json
from pathlib import Path

import pytest
import torch

from tasks.base.config import REVISION as BASE_REVISION
from tasks.base.config import BaseConfig, FolderSource, HubSource, TinySource, base_label
from tasks.base.errors import HubUnavailable, NoSafetensors, TooManyParameters
from tasks.base.hub import check_weights, fetch_snapshot
from tasks.base.tiny import count_other_parameters, tiny_model
from tasks.base.write import write_base
from tasks.store.digests import sha256_of_file
from tests.model_fixtures import tiny_base

SMALL = TinySource(hidden=16, n_experts=2, expert_width=8)


def test_has_delta_net_attention_and_experts_and_the_real_vocabulary() -> None:
    config = json.loads(tiny_base().config_file.read_text())
    assert config["layer_types"] == ["linear_attention"] * 3 + ["full_attention"]
    assert (config["vocab_size"], config["num_experts"]) == (248_320, 8)


def test_weights_do_not_depend_on_what_was_drawn_before() -> None:
    first = tiny_model(SMALL).state_dict()
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    second = tiny_model(SMALL).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_seed_gives_other_weights() -> None:
    first, second = (tiny_model(SMALL.model_copy(update={"seed": seed})).lm_head.weight for seed in (0, 1))
    assert not torch.equal(first, second)


def test_a_model_that_is_not_tiny_is_refused() -> None:
    with pytest.raises(TooManyParameters, match=r"hidden=256.* besides its vocabulary; it must stay under 1,000,000"):
        tiny_model(TinySource(hidden=256, n_experts=64, vocabulary_size=248_077))
    assert count_other_parameters(tiny_model(SMALL)) < 1_000_000


def test_same_config_gives_the_same_bytes_or_a_new_revision() -> None:
    digests = {name: sha256_of_file(tiny_base().path / name)[:16] for name in ("model.safetensors", "tokenizer.json")}
    assert (BASE_REVISION, digests) == (
        2,
        {"model.safetensors": "22a555bec6168416", "tokenizer.json": "df959b5a4941e859"},
    ), "the base's bytes changed: raise REVISION in tasks/base/config.py and note the new digests here"


def test_the_record_states_whether_the_base_is_pretrained(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    assert write_base(BaseConfig(source=SMALL), tmp_path)["pretrained"] is False
    copy = BaseConfig(source=FolderSource(path=str(tmp_path)))
    assert write_base(copy, tmp_path / "base")["pretrained"] is True


def test_labels_name_the_model() -> None:
    assert base_label(BaseConfig(source=SMALL), {}) == "tiny-qwen3.5-moe"
    assert base_label(BaseConfig(), {}) == "Qwen3.5-35B-A3B-Base"


def test_an_unreachable_hub_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnavailable, match=r"Qwen/Qwen3.5-35B-A3B-Base at revision 0f0813072d23 was not fetched"):
        fetch_snapshot(HubSource(), tmp_path)


def test_a_repository_of_pickles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(NoSafetensors, match=r"lacks 1 of 1 safetensors files, model\.safetensors first"):
        check_weights(tmp_path, "some/model")


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    shards = {"a.weight": "model-00001-of-00002.safetensors", "b.weight": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (tmp_path / shards["a.weight"]).write_bytes(b"")
    with pytest.raises(NoSafetensors, match="lacks 1 of 2 safetensors files, model-00002-of-00002"):
        check_weights(tmp_path, "some/model")
