"""The base is loaded whole or refused, and every parameter of it is split over the ranks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.tensor import DTensor

from tasks.train.errors import NotSharded
from tasks.train.pipeline.axolotl_yaml import axolotl_config
from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.sharded.keys import Keys
from tasks.train.trainer.sharded.model import load_base, refuse_unsharded, sharded_model
from tests.model_fixtures import tiny_base
from tests.train.trainer.sharded.one_rank import one_rank
from tests.train.trainer.sharded.workplaces import SMALL

SETTINGS = Settings("full-weight", "fp32", 40, 0, 0, 60, 50, 0.5)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    (tmp_path / workplace.YAML).write_text(yaml.safe_dump(axolotl_config(SMALL, n_steps=40)))
    return replace(Keys.read(tmp_path), base_model=str(tiny_base().path))


@pytest.fixture
def alone() -> Iterator[None]:
    with one_rank():
        yield


def base_with(folder: Path, change: str) -> str:
    """The tiny base without its head, or with a tensor more."""
    weights = load_file(tiny_base().path / "model.safetensors")
    if change == "missing":
        del weights["lm_head.weight"]
    else:
        weights["model.layers.0.mlp.shared_expert.bias"] = torch.zeros(2)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_bytes(tiny_base().config_file.read_bytes())
    return str(folder)


def test_a_base_that_lacks_a_weight_is_refused_by_name(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(NotSharded, match=r"missing_keys lm_head\.weight \(1 in all\).*would be drawn at random"):
        load_base(replace(keys, base_model=base_with(tmp_path, "missing")), torch.float32)


def test_a_base_with_a_weight_too_many_is_refused_by_name(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(NotSharded, match=r"unexpected_keys model\.layers\.0\.mlp\.shared_expert\.bias"):
        load_base(replace(keys, base_model=base_with(tmp_path, "more")), torch.float32)


@pytest.mark.usefixtures("alone")
def test_every_parameter_is_split_and_holds_the_bases_values(keys: Keys) -> None:
    model = sharded_model(keys, SETTINGS)
    weights = load_file(tiny_base().path / "model.safetensors")
    named = dict(model.named_parameters())
    assert all(isinstance(parameter, DTensor) for parameter in named.values())
    shared = named.keys() & weights.keys()
    assert {"model.embed_tokens.weight", "lm_head.weight"} <= shared
    assert all(torch.equal(named[name].full_tensor(), weights[name].float()) for name in shared)


@pytest.mark.usefixtures("alone")
def test_a_layer_class_that_is_not_there_is_refused(keys: Keys) -> None:
    with pytest.raises(NotSharded, match="no module of the base is a LlamaDecoderLayer"):
        sharded_model(replace(keys, layer_class="LlamaDecoderLayer"), SETTINGS)


def test_a_model_without_fsdp_is_refused() -> None:
    with pytest.raises(NotSharded, match=r"weight is a Parameter, not split over the 8 ranks\. FSDP2 is off"):
        refuse_unsharded(nn.Linear(2, 2), n_ranks=8)
