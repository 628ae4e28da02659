"""A sharded state holds weights and moments to the bit, gives the same bytes again, and loads whole or not at all."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.checkpoint.filesystem import FileSystemReader

from tasks.checkpoints.dcp import ShardFileDamaged
from tasks.checkpoints.restricted_pickle import CheckpointUnreadable, ForbiddenPickle
from tasks.train.errors import StateRefused
from tasks.train.trainer import work_files
from tasks.train.trainer.sharded_state import load_sharded, save_final, save_sharded
from tests.train.trainer.sharded.one_rank import one_rank, small_model, stepped

MODEL, OPTIMIZER = work_files.SHARDED, work_files.SHARDED_OPTIMIZER


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with one_rank():
        yield


@pytest.fixture
def state(tmp_path: Path) -> Path:
    model = small_model()
    save_sharded(model, stepped(model), tmp_path / "state")
    return tmp_path / "state"


def values(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    weights = {name: parameter.full_tensor() for name, parameter in model.named_parameters()}
    moments = {
        f"{name}.{moment}": value.full_tensor() if moment != "step" else value
        for name, parameter in model.named_parameters()
        for moment, value in optimizer.state[parameter].items()
    }
    return weights | moments


def edit_index(folder: Path, change: Any) -> None:
    """Change what `.metadata` says, as another program's would say it."""
    index = FileSystemReader(folder).read_metadata()
    index.storage_meta = None
    change(index.state_dict_metadata, index.storage_data)
    (folder / ".metadata").write_bytes(pickle.dumps(index))


def load_into(state: Path, **options: Any) -> None:
    model = small_model(**options)
    load_sharded(model, torch.optim.AdamW(model.parameters(), lr=0.1), state)


def test_weights_and_moments_come_back_to_the_bit_and_the_next_step_is_the_same(state: Path) -> None:
    model = small_model()
    optimizer = stepped(model)
    other = small_model(seed=1)
    fresh = torch.optim.AdamW(other.parameters(), lr=0.1)
    load_sharded(other, fresh, state)
    for parameter, same in zip(model.parameters(), other.parameters(), strict=True):
        parameter.grad, same.grad = torch.ones_like(parameter), torch.ones_like(same)
    for one in (optimizer, fresh):
        one.step()
    expected, found = values(model, optimizer), values(other, fresh)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert float(found["mixer.weight.step"]) == 3


class Momentum(torch.optim.Optimizer):
    """Keeps an fp32 moment for whatever weights."""

    def __init__(self, weights: Any) -> None:
        super().__init__(weights, {"lr": 0.1})

    def step(self, closure: Any = None) -> None:
        for parameter in self.param_groups[0]["params"]:
            self.state[parameter].setdefault("moment", torch.zeros_like(parameter, dtype=torch.float32)).add_(1 / 3)


def test_fp32_moments_of_bf16_weights_come_back_in_fp32(tmp_path: Path) -> None:
    model = small_model(dtype=torch.bfloat16)
    optimizer = Momentum(model.parameters())
    optimizer.step()
    save_sharded(model, optimizer, tmp_path)
    fresh = Momentum(model.parameters())
    load_sharded(model, fresh, tmp_path)
    assert all(
        float(state["moment"].full_tensor().max()) == float(torch.tensor(1 / 3)) for state in fresh.state.values()
    )


def test_the_same_training_gives_the_same_bytes_wherever_it_lies(state: Path, tmp_path: Path) -> None:
    model = small_model()
    save_sharded(model, stepped(model), tmp_path / "elsewhere" / "state")
    for file in sorted(path for path in state.rglob("*") if path.is_file()):
        again = tmp_path / "elsewhere" / "state" / file.relative_to(state)
        assert file.read_bytes() == again.read_bytes(), file.name
        assert str(tmp_path).encode() not in file.read_bytes()


def test_final_weights_have_their_names_in_the_model(tmp_path: Path) -> None:
    save_final(small_model(), tmp_path)
    index = FileSystemReader(tmp_path / MODEL).read_metadata()
    assert set(index.state_dict_metadata) == {"embed_tokens.weight", "embed_tokens.bias", "mixer.weight"}


def test_accelerate_reads_the_layout(state: Path) -> None:
    from accelerate.utils.fsdp_utils import merge_fsdp_weights
    from safetensors.torch import load_file

    merge_fsdp_weights(str(state / MODEL), str(state / "merged"))
    model = small_model()
    stepped(model)
    merged = load_file(state / "merged" / "model.safetensors")
    assert all(torch.equal(merged[name], weight.full_tensor()) for name, weight in model.named_parameters())


def test_a_missing_tensor_is_named(state: Path) -> None:
    edit_index(state / MODEL, lambda entries, _: entries.pop("model.mixer.weight"))
    with pytest.raises(StateRefused, match=r"pytorch_model_fsdp_0 lacks model\.mixer\.weight\. Remove the state"):
        load_into(state)


def test_a_missing_moment_is_named(state: Path) -> None:
    edit_index(state / OPTIMIZER, lambda entries, _: entries.pop("optimizer.state.mixer.weight.exp_avg"))
    with pytest.raises(StateRefused, match=r"optimizer_0 lacks optimizer\.state\.mixer\.weight\.exp_avg"):
        load_into(state)


def test_a_renamed_tensor_is_named(state: Path) -> None:
    def rename(entries: dict[str, Any], stored: dict[Any, Any]) -> None:
        entries["model.blender.weight"] = entries.pop("model.mixer.weight")
        for index in [index for index in stored if index.fqn == "model.mixer.weight"]:
            stored[type(index)("model.blender.weight", index.offset, index.index)] = stored.pop(index)

    edit_index(state / MODEL, rename)
    with pytest.raises(StateRefused, match=r"pytorch_model_fsdp_0 lacks model\.mixer\.weight"):
        load_into(state)


def test_an_unexpected_tensor_is_named(state: Path) -> None:
    def add(entries: dict[str, Any], stored: dict[Any, Any]) -> None:
        entries["model.mixer.bias"] = entries["model.embed_tokens.bias"]
        for index in [index for index in stored if index.fqn == "model.embed_tokens.bias"]:
            stored[type(index)("model.mixer.bias", index.offset, index.index)] = stored[index]

    edit_index(state / MODEL, add)
    with pytest.raises(StateRefused, match=r"pytorch_model_fsdp_0 has unexpected model\.mixer\.bias"):
        load_into(state)


def test_another_shape_and_another_dtype_are_named(state: Path) -> None:
    with pytest.raises(
        StateRefused, match=r"embed_tokens\.weight as F32 of shape \(6, 4\), F32 of shape \(8, 4\) is expected"
    ):
        load_into(state, hidden=8)
    with pytest.raises(StateRefused, match=r"embed_tokens\.weight as F32 of shape \(6, 4\), BF16 of shape \(6, 4\)"):
        load_into(state, dtype=torch.bfloat16)


@pytest.mark.parametrize("folder", [MODEL, OPTIMIZER])
def test_a_cut_file_is_named_before_anything_is_loaded(state: Path, folder: str) -> None:
    file = state / folder / "__0_0.distcp"
    file.write_bytes(file.read_bytes()[:-100])
    model = small_model(seed=1)
    before = {name: parameter.full_tensor().clone() for name, parameter in model.named_parameters()}
    with pytest.raises(ShardFileDamaged, match=rf"__0_0\.distcp of {folder} has [\d,]+ bytes"):
        load_sharded(model, torch.optim.AdamW(model.parameters(), lr=0.1), state)
    assert all(torch.equal(before[name], weight.full_tensor()) for name, weight in model.named_parameters())


def test_a_state_without_its_index_was_not_written_to_its_end(state: Path) -> None:
    (state / OPTIMIZER / ".metadata").unlink()
    with pytest.raises(CheckpointUnreadable, match=r"holds no \.metadata, which is written last"):
        load_into(state)


def test_an_index_that_would_run_code_is_refused_unread(state: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    (state / MODEL / ".metadata").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ForbiddenPickle):
        load_into(state)
    assert not (tmp_path / "ran").exists()
