"""The written tensors equal the trained ones bit by bit in every layout; an interrupted merge resumes."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tasks.checkpoints.dcp import ShardFileDamaged, read_metadata
from tasks.common.settings import project_root
from tasks.merge.adapter import attach_adapter
from tasks.merge.architecture import write_configs
from tasks.merge.config import MergeConfig
from tasks.merge.errors import CheckpointMismatch, DiskFull, SourceDamaged
from tasks.merge.finished import SUFFIX
from tasks.merge.plan import plan_merge
from tasks.merge.shards import plan_shards, publish_shards, write_shards
from tasks.merge.stored_tensors import INDEX, StoredTensor, find_sharded
from tasks.merge.stream import CopiedTensor
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tests.merge.models import (
    as_on_the_hub,
    placements_checkpoint,
    random_adapter,
    sharded_checkpoint,
    tiny_base,
)
from tests.merge.sharded_checkpoints import placements, trained_model
from tests.waiting import GENEROUS_SECONDS


def merge(config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, folder: Path) -> dict[str, torch.Tensor]:
    """A merge without the logit check: the tensors as transformers loads them, without missing or unexpected ones."""
    with ExitStack() as opened:
        plan = plan_merge(config, base, checkpoint, opened)
        write_shards(plan.shards, plan.inputs_identity, folder / "work")
    (folder / "model").mkdir()
    publish_shards(plan.shards, folder / "work", folder / "model")
    write_configs(base.path, config.dtype, folder / "model", plan.is_untied)
    model, report = AutoModelForCausalLM.from_pretrained(folder / "model", dtype="auto", output_loading_info=True)
    assert not any(report.values())
    state: dict[str, torch.Tensor] = model.state_dict()
    return state


def assert_equal(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize(("trained", "asked"), [("float32", "base"), ("float32", "bf16"), ("bfloat16", "base")])
def test_every_tensor_is_the_checkpoint_s_rounded_to_the_wanted_format(
    trained: str, asked: str, tmp_path: Path
) -> None:
    found = merge(MergeConfig(dtype=asked, shard_gigabytes=0.01), tiny_base(), sharded_checkpoint(trained), tmp_path)
    wanted = trained_model(tiny_base().path, getattr(torch, trained)).state_dict()
    dtype = torch.bfloat16 if asked == "bf16" else torch.float32
    assert_equal(found, {name: tensor.to(dtype) for name, tensor in wanted.items()})


@pytest.mark.parametrize(("base", "asked"), [("float32", "base"), ("bfloat16", "base"), ("bfloat16", "fp32")])
@pytest.mark.parametrize("adapter", [torch.float32, torch.bfloat16])
def test_a_fold_is_peft_s_own_merge_bit_by_bit(base: str, asked: str, adapter: torch.dtype, tmp_path: Path) -> None:
    checkpoint = random_adapter(0.05, adapter)
    found = merge(MergeConfig(dtype=asked), tiny_base(base), checkpoint, tmp_path)
    dtype = torch.float32 if asked == "fp32" else "auto"
    model = attach_adapter(
        AutoModelForCausalLM.from_pretrained(tiny_base(base).path, dtype=dtype), checkpoint.adapter_dir
    )
    assert_equal(found, model.merge_and_unload(safe_merge=True).state_dict())


def test_a_multimodal_base_gives_the_same_model_and_its_vision_tower_is_counted(tmp_path: Path) -> None:
    hub = as_on_the_hub(tiny_base())
    for name, base in (("plain", tiny_base()), ("hub", hub)):
        (tmp_path / name).mkdir()
        merge(MergeConfig(), base, random_adapter(0.05), tmp_path / name)
    plain, from_hub = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("plain", "hub"))
    assert_equal(from_hub, plain)
    with ExitStack() as opened:
        assert plan_merge(MergeConfig(), hub, random_adapter(0.05), opened).n_left_behind == {
            "model.visual": 1,
            "mtp": 1,
        }
    assert json.loads((tmp_path / "hub" / "model" / "config.json").read_text())["model_type"] == "qwen3_5_moe_text"


def test_tensors_split_along_any_dimension_are_put_together(tmp_path: Path) -> None:
    sources = find_sharded(read_metadata(placements_checkpoint().sharded_dir))
    [shard] = plan_shards([CopiedTensor(name, source.dtype, source) for name, source in sources.items()], 10**9)
    write_shards([shard], "", tmp_path)
    assert_equal(load_file(tmp_path / "model.safetensors"), placements())


def test_a_base_with_a_missing_or_an_unexpected_tensor_is_refused_by_name(tmp_path: Path) -> None:
    tensors = load_file(tiny_base().path / "model.safetensors")
    lacking = {name: tensor for name, tensor in tensors.items() if ".layers.1.mlp.experts.3.down_proj" not in name}
    for file in tiny_base().path.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    save_file(lacking, tmp_path / "model.safetensors")
    with (
        ExitStack() as opened,
        pytest.raises(CheckpointMismatch, match=r"layers\.1\.mlp\.experts\.down_proj of the base has shape \[7,"),
    ):
        plan_merge(MergeConfig(), ModelFolder(tmp_path), random_adapter(0.05), opened)
    save_file(tensors | {"model.unexpected": torch.zeros(1)}, tmp_path / "model.safetensors")
    with (
        ExitStack() as opened,
        pytest.raises(CheckpointMismatch, match=r"has 1 unexpected .*, model\.unexpected first"),
    ):
        plan_merge(MergeConfig(), ModelFolder(tmp_path), random_adapter(0.05), opened)


def test_a_checkpoint_of_another_model_is_refused_by_name() -> None:
    with (
        ExitStack() as opened,
        pytest.raises(CheckpointMismatch, match=r"the checkpoint lacks 72 .* has 8 unexpected .*columns"),
    ):
        plan_merge(MergeConfig(), tiny_base(), placements_checkpoint(), opened)


def copied(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """A copy of a sharded checkpoint whose files may be truncated."""
    (folder / "copy" / "pytorch_model_fsdp_0").mkdir(parents=True)
    for file in checkpoint.sharded_dir.iterdir():
        (folder / "copy" / "pytorch_model_fsdp_0" / file.name).write_bytes(file.read_bytes())
    return Checkpoint(folder / "copy")


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_shard_file_is_named_before_anything_is_copied(damage: str, tmp_path: Path) -> None:
    checkpoint = copied(sharded_checkpoint("bfloat16"), tmp_path)
    file = checkpoint.sharded_dir / "__1_0.distcp"
    if damage == "missing":
        file.unlink()
    else:
        os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(ShardFileDamaged, match=r"__1_0\.distcp"):
        merge(MergeConfig(), tiny_base(), checkpoint, tmp_path)
    assert not (tmp_path / "work").exists()


def test_a_base_file_that_is_truncated_is_named_with_both_sizes(tmp_path: Path) -> None:
    for file in tiny_base().path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    os.truncate(tmp_path / "model.safetensors", (tmp_path / "model.safetensors").stat().st_size - 1)
    with ExitStack() as opened, pytest.raises(SourceDamaged, match=r"model\.safetensors .* has 63,\d+,\d+ bytes, its"):
        plan_merge(MergeConfig(), ModelFolder(tmp_path), random_adapter(0.05), opened)


def test_a_disk_that_is_too_small_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    huge = CopiedTensor("huge", "F32", StoredTensor("F32", (10**15,), ()))
    with pytest.raises(DiskFull, match=r"1 files of the merged model need 4000000\.00 GB"):
        write_shards(plan_shards([huge], 10**9), "", tmp_path / "work")
    assert not list((tmp_path / "work").iterdir())


KILLED = """
import os, signal, sys
from contextlib import ExitStack
from pathlib import Path
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.merge.config import MergeConfig
from tasks.merge.shards import write_shards
from tasks.merge.stream import Reader
from tasks.merge.plan import plan_merge

work, left = Path(sys.argv[3]), int(sys.argv[4])
fill = Reader.fill

def fill_until(self, *arguments):
    global left
    # Counted from the second finished file on.
    left -= len(list(work.glob("*.finished.json"))) > 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return fill(self, *arguments)

Reader.fill = fill_until
with ExitStack() as opened:
    base, checkpoint = ModelFolder(Path(sys.argv[1])), Checkpoint(Path(sys.argv[2]))
    plan = plan_merge(MergeConfig(dtype="bf16", shard_gigabytes=2e-5), base, checkpoint, opened)
    write_shards(plan.shards, plan.inputs_identity, work)
"""


@pytest.mark.parametrize("arm", ["lora", pytest.param("full-weight", marks=pytest.mark.slow)])
def test_a_killed_merge_resumes_from_finished_files_and_ends_in_the_same_bytes(arm: str, tmp_path: Path) -> None:
    checkpoint = random_adapter(0.05) if arm == "lora" else sharded_checkpoint("float32")
    work = tmp_path / "work"
    command = [sys.executable, "-c", KILLED, str(tiny_base().path), str(checkpoint.path), str(work), "3"]
    killed = subprocess.run(command, cwd=project_root(), capture_output=True, timeout=GENEROUS_SECONDS)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    finished = [Path(str(file).removesuffix(SUFFIX)) for file in work.glob(f"*{SUFFIX}")]
    before = {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in finished}
    config = MergeConfig(dtype="bf16", shard_gigabytes=2e-5)
    with ExitStack() as opened:
        plan = plan_merge(config, tiny_base(), checkpoint, opened)
        shards, identity = plan.shards, plan.inputs_identity
        assert 0 < len(finished) < len(shards)
        assert not list(work.glob(INDEX))
        # The record of a file that changed afterwards is ignored.
        tampered, untouched = finished[0], finished[1:]
        with tampered.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\xff")
        records, n_resumed = write_shards(shards, identity, work)
        assert n_resumed == len(untouched)
        uninterrupted, _ = write_shards(shards, identity, tmp_path / "uninterrupted")
    assert {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in untouched} == {
        file: before[file] for file in untouched
    }
    assert [(record.sha256, record.counts) for record in records] == [
        (record.sha256, record.counts) for record in uninterrupted
    ]
    for shard in shards:
        assert (work / shard.name).read_bytes() == (tmp_path / "uninterrupted" / shard.name).read_bytes()


def test_files_of_an_resumed_start_with_other_weights_are_not_resumed(tmp_path: Path) -> None:
    checkpoint = copied(sharded_checkpoint("bfloat16"), tmp_path)

    def n_resumed() -> int:
        with ExitStack() as opened:
            plan = plan_merge(MergeConfig(shard_gigabytes=0.04), tiny_base(), checkpoint, opened)
            return write_shards(plan.shards, plan.inputs_identity, tmp_path / "work")[1]

    assert [n_resumed(), n_resumed()] == [0, 2]
    for file in checkpoint.sharded_dir.iterdir():
        # Another checkpoint of the same shapes has replaced it.
        os.utime(file, ns=(0, 0))
    assert n_resumed() == 0
