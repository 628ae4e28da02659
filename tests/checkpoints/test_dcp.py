"""A checkpoint's metadata locates every tensor, and cannot run code."""

import io
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.metadata import Metadata, MetadataIndex, TensorStorageMetadata

from tasks.checkpoints.dcp import ShardFileDamaged, read_metadata
from tasks.checkpoints.restricted_pickle import CheckpointUnreadable, ForbiddenPickle
from tasks.checkpoints.torch_save import find_tensor_data
from tests.merge.models import placements_checkpoint
from tests.merge.sharded_checkpoints import SPLITS, placements

STATE = {
    "weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "half": torch.linspace(0, 1, 5).to(torch.bfloat16),
    "step": torch.tensor(7),
    "groups": [{"lr": 0.1}],
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint of one process."""
    dcp.save(dict(STATE), checkpoint_id=tmp_path / "saved", no_dist=True)
    return tmp_path / "saved"


def tensor_bytes(folder: Path, name: str) -> bytes:
    """The bytes of a tensor with one chunk, read without torch."""
    tensor = read_metadata(folder).tensors[name]
    [chunk] = tensor.chunks
    with (folder / chunk.file).open("rb", buffering=0) as file:
        start = find_tensor_data(file, chunk.start, chunk.n_bytes, tensor.dtype, chunk.sizes, name)
        file.seek(start)
        return file.read(STATE[name].numel() * STATE[name].element_size())


def rewrite(folder: Path, change: object) -> None:
    """Change the pickled metadata as torch would read it."""
    file = folder / ".metadata"
    metadata = pickle.loads(file.read_bytes())  # noqa: S301  # our own file
    change(metadata)  # type: ignore[operator]
    file.write_bytes(pickle.dumps(metadata))


def test_names_formats_and_shapes_are_those_that_were_saved(saved: Path) -> None:
    found = read_metadata(saved)
    assert {name: (tensor.dtype, tensor.shape) for name, tensor in found.tensors.items()} == {
        "weight": ("F32", (3, 4)),
        "half": ("BF16", (5,)),
        "step": ("I64", ()),
    }
    assert all(name.startswith("groups") for name in found.others)
    assert found.others


@pytest.mark.parametrize("name", ["weight", "half", "step"])
def test_the_bytes_found_are_those_of_the_tensor(saved: Path, name: str) -> None:
    assert tensor_bytes(saved, name) == STATE[name].reshape(-1).view(torch.uint8).numpy().tobytes()


@pytest.mark.slow
def test_the_chunks_of_two_ranks_tile_every_tensor_along_any_dimension() -> None:
    found = read_metadata(placements_checkpoint().sharded_dir)
    for name, tensor in placements().items():
        covered = np.zeros(tensor.shape, int)
        for chunk in found.tensors[name].chunks:
            covered[tuple(slice(o, o + n) for o, n in zip(chunk.offsets, chunk.sizes, strict=True))] += 1
        assert (covered == 1).all()
        n_chunks = 2 if name in SPLITS and tensor.shape[SPLITS[name]] > 1 else 1
        assert len(found.tensors[name].chunks) == n_chunks


class Bomb:
    """An object whose pickle is a call."""

    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize(
    ("call", "name"), [(eval, r"builtins\.eval"), (shutil.rmtree, r"shutil\.rmtree"), (torch.load, r"torch\.\S*load")]
)
def test_a_metadata_that_asks_for_code_is_refused_by_name_and_nothing_runs(
    saved: Path, call: object, name: str
) -> None:
    victim = saved / "victim"
    victim.mkdir()
    argument = f"__import__('shutil').rmtree({str(victim)!r})" if call is eval else str(victim)
    (saved / ".metadata").write_bytes(pickle.dumps({"weights": Bomb(call, argument)}))
    with pytest.raises(ForbiddenPickle, match=f"asks for {name}, which no checkpoint needs"):
        read_metadata(saved)
    assert victim.is_dir()


def test_a_tensor_archive_that_asks_for_code_is_refused_by_name(saved: Path) -> None:
    content = io.BytesIO()
    torch.save({"weight": Bomb(eval, "1/0")}, content)
    (saved / "evil").write_bytes(content.getvalue())
    with (
        (saved / "evil").open("rb", buffering=0) as file,
        pytest.raises(ForbiddenPickle, match=r"chunk asks for __builtin__\.eval"),
    ):
        find_tensor_data(file, 0, len(content.getvalue()), "F32", (2,), "chunk")


def test_a_shard_file_outside_the_checkpoint_is_refused(saved: Path) -> None:
    def move_outside(metadata: Metadata) -> None:
        for location in metadata.storage_data.values():
            location.relative_path = "../other/" + location.relative_path

    rewrite(saved, move_outside)
    with pytest.raises(ForbiddenPickle, match=r"places tensor \w+ in '\.\./other/__0_0\.distcp', outside"):
        read_metadata(saved)


@pytest.mark.parametrize("n_left", [0, 100, -1])
def test_a_shard_file_that_is_cut_off_is_named_with_both_sizes(saved: Path, n_left: int) -> None:
    file = saved / "__0_0.distcp"
    file.write_bytes(file.read_bytes()[:n_left])
    with pytest.raises(ShardFileDamaged, match=r"__0_0\.distcp of saved has [\d,]+ bytes, its metadata asks for"):
        read_metadata(saved)


def test_a_missing_shard_file_is_named(saved: Path) -> None:
    (saved / "__0_0.distcp").unlink()
    with pytest.raises(ShardFileDamaged, match=r"shard file __0_0\.distcp of saved is missing"):
        read_metadata(saved)


def test_a_checkpoint_without_metadata_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(CheckpointUnreadable, match=r"holds no \.metadata, which is written last"):
        read_metadata(tmp_path)


def test_a_metadata_that_is_cut_off_is_refused(saved: Path) -> None:
    content = (saved / ".metadata").read_bytes()
    for n in (0, 1, len(content) // 2, len(content) - 1):
        (saved / ".metadata").write_bytes(content[:n])
        with pytest.raises(CheckpointUnreadable):
            read_metadata(saved)


def test_a_missing_chunk_is_named_by_its_tensor(saved: Path) -> None:
    def lose_a_row(metadata: Metadata) -> None:
        entry = metadata.state_dict_metadata["weight"]
        assert isinstance(entry, TensorStorageMetadata)
        entry.chunks[0].sizes = torch.Size([2, 4])

    rewrite(saved, lose_a_row)
    with pytest.raises(CheckpointUnreadable, match=r"1 chunks of weight do not hold each item of its shape \[3, 4\]"):
        read_metadata(saved)


def test_a_chunk_without_a_location_is_refused(saved: Path) -> None:
    rewrite(saved, lambda metadata: metadata.storage_data.pop(MetadataIndex("weight", [0, 0])))
    with pytest.raises(CheckpointUnreadable, match="unknown layout"):
        read_metadata(saved)


def test_a_tensor_in_another_memory_order_is_refused_by_name(tmp_path: Path) -> None:
    dcp.save({"turned": torch.arange(6.0).reshape(2, 3).T}, checkpoint_id=tmp_path, no_dist=True)
    [chunk] = read_metadata(tmp_path).tensors["turned"].chunks
    with (
        (tmp_path / chunk.file).open("rb", buffering=0) as file,
        pytest.raises(CheckpointUnreadable, match=r"turned has the memory order \[1, 3\], not the row-major"),
    ):
        find_tensor_data(file, chunk.start, chunk.n_bytes, "F32", chunk.sizes, "turned")


def test_an_archive_of_another_tensor_is_refused(saved: Path) -> None:
    [chunk] = read_metadata(saved).tensors["weight"].chunks
    with (
        (saved / chunk.file).open("rb", buffering=0) as file,
        pytest.raises(CheckpointUnreadable, match=r"weight is F32 \[3, 4\], its metadata says BF16 \[3, 4\]"),
    ):
        find_tensor_data(file, chunk.start, chunk.n_bytes, "BF16", chunk.sizes, "weight")
