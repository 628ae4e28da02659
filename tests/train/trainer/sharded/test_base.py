"""A base is loaded whole, or the error names the weight; in the real trainer too."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, modeling_utils

from tasks.train.errors import BaseNotWhole
from tasks.train.trainer import work_files
from tasks.train.trainer.whole_base import reject_partial_loads
from tests.model_fixtures import tiny_base
from tests.train.trainer.sharded.runs import SMALL, lay_out, run


@pytest.fixture
def rejecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transformers' function wrapped, and unwrapped after the test."""
    monkeypatch.setattr(modeling_utils, "log_state_dict_report", modeling_utils.log_state_dict_report)
    reject_partial_loads()


def base_with(folder: Path, change: str) -> Path:
    """The tiny base unchanged, without its head, or with an extra tensor."""
    weights = load_file(tiny_base().path / "model.safetensors")
    if change == "missing":
        del weights["lm_head.weight"]
    if change == "more":
        weights["model.layers.0.mlp.shared_expert.bias"] = torch.zeros(2)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_bytes(tiny_base().config_file.read_bytes())
    return folder


@pytest.mark.usefixtures("rejecting")
def test_a_base_that_lacks_a_weight_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BaseNotWhole, match=r"missing_keys lm_head\.weight \(1 in all\).*would be drawn at random"):
        AutoModelForCausalLM.from_pretrained(base_with(tmp_path, "missing"), dtype=torch.float32)


@pytest.mark.usefixtures("rejecting")
def test_a_base_with_a_weight_too_many_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BaseNotWhole, match=r"unexpected_keys model\.layers\.0\.mlp\.shared_expert\.bias"):
        AutoModelForCausalLM.from_pretrained(base_with(tmp_path, "more"), dtype=torch.float32)


@pytest.mark.usefixtures("rejecting")
def test_a_whole_base_is_loaded(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_with(tmp_path, "none"), dtype=torch.float32)
    assert model.num_parameters() > 0


@pytest.mark.slow
@pytest.mark.trainer
def test_the_real_trainer_ends_where_the_base_lacks_a_weight(tmp_path: Path) -> None:
    folder = lay_out(SMALL)
    (folder / work_files.BASE).unlink()
    shutil.copytree(tiny_base().path, folder / work_files.BASE)
    base_with(folder / work_files.BASE, "missing")
    assert run(folder, SMALL) != 0
    failure = json.loads((folder / work_files.FAILURE).read_text())
    assert failure["error"] == "BaseNotWhole"
    assert "missing_keys lm_head.weight (1 in all)" in failure["words"]
    assert not (folder / work_files.METRICS).exists()
