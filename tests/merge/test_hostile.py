"""No code in a checkpoint or a base runs, and no file outside its folder is read."""

import json
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
from transformers import AutoConfig, AutoModelForCausalLM

from tasks.checkpoints.restricted_pickle import ForbiddenPickle
from tasks.merge.config import MergeConfig
from tasks.merge.errors import CheckpointMismatch, SourceDamaged
from tasks.merge.logit_check import load_sharded
from tasks.merge.plan import plan_merge
from tasks.merge.stored_tensors import INDEX, SINGLE, find_safetensors
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tests.merge.models import scratch_folder, tiny_base

HEAD = "lm_head.weight"


class LeavesFile:
    """An object whose pickle creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return open, (str(self.path), "w")


@cache
def model_of(tied: bool) -> ModelFolder:
    """The tiny base, its head tied to its embedding or not."""
    folder = scratch_folder("tied")
    config = AutoConfig.from_pretrained(tiny_base().path, tie_word_embeddings=tied)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return ModelFolder(folder)


def with_pickled_head(base: ModelFolder, folder: Path) -> tuple[Checkpoint, Path]:
    """A checkpoint of a base whose head is a pickle, and the file that exists if it ran."""
    state = dict(AutoModelForCausalLM.from_pretrained(base.path).state_dict())
    dcp.save(
        state | {HEAD: LeavesFile(folder / "ran")}, checkpoint_id=Checkpoint(folder / "c").sharded_dir, no_dist=True
    )
    return Checkpoint(folder / "c"), folder / "ran"


@pytest.mark.parametrize("tied", [True, False])
def test_a_checkpoint_with_an_entry_that_is_a_pickle_is_refused_by_name_and_nothing_runs(
    tied: bool, tmp_path: Path
) -> None:
    checkpoint, ran = with_pickled_head(model_of(tied), tmp_path)
    with ExitStack() as opened, pytest.raises(ForbiddenPickle, match=r"lm_head\.weight in .* first of 1 such entries"):
        plan_merge(MergeConfig(), model_of(tied), checkpoint, opened)
    assert not ran.exists()


def test_a_tied_weight_that_is_a_pickle_is_not_requested_from_torch_s_reader(tmp_path: Path) -> None:
    checkpoint, ran = with_pickled_head(model_of(tied=True), tmp_path)
    model, wanted = (AutoModelForCausalLM.from_pretrained(model_of(tied=True).path) for _ in range(2))
    with torch.no_grad():
        model.model.embed_tokens.weight.zero_()
    load_sharded(model, checkpoint.sharded_dir)
    assert torch.equal(model.lm_head.weight, wanted.lm_head.weight)
    assert not ran.exists()


def test_a_weight_that_is_only_a_pickle_is_not_requested_from_torch_s_reader(tmp_path: Path) -> None:
    checkpoint, ran = with_pickled_head(model_of(tied=False), tmp_path)
    model = AutoModelForCausalLM.from_pretrained(model_of(tied=False).path)
    with pytest.raises(CheckpointMismatch, match=r"holds no tensor for 1 of .* weights, lm_head\.weight first"):
        load_sharded(model, checkpoint.sharded_dir)
    assert not ran.exists()


@pytest.mark.parametrize("index", ["", '{"weight_map": {"a": "mod', "[]", "{}", '{"weight_map": {"a": 1}}', "\udcff"])
def test_an_index_that_is_cut_off_is_named(index: str, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_bytes(index.encode(errors="surrogateescape"))
    with pytest.raises(SourceDamaged, match=rf"{INDEX} of {tmp_path.name} does not name the files"):
        find_safetensors(tmp_path)


@pytest.mark.parametrize("path", ["../other/model.safetensors", "/model.safetensors", "a/b", "..", ".", ""])
def test_an_index_that_points_outside_its_folder_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / SINGLE).write_bytes((tiny_base().path / SINGLE).read_bytes())
    base = tmp_path / "base"
    base.mkdir()
    (base / INDEX).write_text(json.dumps({"weight_map": {"a": path}}))
    with pytest.raises(SourceDamaged, match=r"of base places tensors in '.*', which is not a file name"):
        find_safetensors(base)
