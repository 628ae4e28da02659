"""The offset of a saved tensor's data is correct, or the archive is refused."""

import io
import pickle
import zipfile
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.checkpoints.restricted_pickle import CheckpointUnreadable
from tasks.checkpoints.torch_save import find_tensor_data

SHAPE = (3, 4)


@cache
def archive(fill: float) -> bytes:
    """What `torch.save` makes of twelve equal numbers."""
    content = io.BytesIO()
    torch.save(torch.full(SHAPE, fill), content)
    return content.getvalue()


def find_offset(content: bytes, shape: tuple[int, ...] = SHAPE) -> int:
    return find_tensor_data(io.BytesIO(content), 0, len(content), "F32", shape, "chunk")


def with_pickle(described: bytes) -> bytes:
    """The archive with another pickle."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive(1.0))) as old, zipfile.ZipFile(content, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, described if entry.endswith("data.pkl") else old.read(entry))
    return content.getvalue()


def own_pickle() -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive(1.0))) as entries:
        return entries.read("archive/data.pkl")


# Data of zeros looks like an extra field that is empty.
@given(st.data(), st.sampled_from([0.0, 1.0]), st.integers(1, 255))
def test_a_changed_byte_never_changes_the_offset(data: st.DataObject, fill: float, change: int) -> None:
    content = bytearray(archive(fill))
    content[data.draw(st.integers(0, len(content) - 1))] ^= change
    try:
        found = find_offset(bytes(content))
    except CheckpointUnreadable:
        return
    assert found == find_offset(archive(fill))


@pytest.mark.parametrize("length", [0x40, 0x80, 0x4000])
def test_an_extra_field_of_another_length_does_not_change_the_offset(length: int) -> None:
    content = bytearray(archive(0.0))
    header = content.index(b"PK\x03\x04", content.index(b"byteorder"))
    assert content[header + 30 :].startswith(b"archive/data/0")
    changed = int.from_bytes(content[header + 28 : header + 30], "little") ^ length
    content[header + 28 : header + 30] = changed.to_bytes(2, "little")
    with pytest.raises(CheckpointUnreadable, match="chunk is not an archive of torch"):
        find_offset(bytes(content))


@given(st.integers(0, 1_576))
def test_an_archive_that_is_cut_off_is_refused_by_name(n_left: int) -> None:
    with pytest.raises(CheckpointUnreadable, match="chunk"):
        find_offset(archive(1.0)[: min(n_left, len(archive(1.0)) - 1)])


def test_an_empty_zip_is_refused_by_name() -> None:
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    with pytest.raises(CheckpointUnreadable, match="chunk is not an archive of torch"):
        find_offset(content.getvalue())


@pytest.mark.parametrize("shape", [(), (12,), (4, 3), (3, 4, 1)])
def test_an_archive_of_another_shape_is_named_with_both(shape: tuple[int, ...]) -> None:
    with pytest.raises(CheckpointUnreadable, match=r"chunk is F32 \[3, 4\], its metadata says F32"):
        find_offset(archive(1.0), shape)


def test_a_zip_that_another_writer_made_is_read() -> None:
    content = with_pickle(own_pickle())
    assert content[find_offset(content) :].startswith(torch.ones(SHAPE).numpy().tobytes())


@pytest.mark.parametrize(("first", "refusal"), [(-1, "starts 1 items before its storage"), (1, "is compressed or")])
def test_data_outside_its_storage_is_refused(first: int, refusal: str) -> None:
    described = own_pickle()
    # The storage's offset comes after its persistent id (Q), before the shape.
    at = described.index(b"QK\x00K\x03K\x04")
    changed = described[: at + 1] + pickle.BININT + first.to_bytes(4, "little", signed=True) + described[at + 3 :]
    with pytest.raises(CheckpointUnreadable, match=f"chunk {refusal}"):
        find_offset(with_pickle(changed))


def test_a_shape_without_its_strides_is_refused_by_name() -> None:
    described = own_pickle()
    strides = b"K\x04K\x01\x86"
    assert described.count(strides) == 1
    with pytest.raises(CheckpointUnreadable, match="chunk is not an archive of torch"):
        find_offset(with_pickle(described.replace(strides, b"K\x04\x85")))
