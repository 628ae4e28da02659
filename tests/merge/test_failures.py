"""A full disk is reported as DiskFull at every step; a file that fails cancels the others."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tasks.merge.errors import DiskFull, SourceDamaged
from tasks.merge.finished import SUFFIX
from tasks.merge.shards import plan_shards, publish_shards, write_shards
from tasks.merge.stored_tensors import StoredChunk, StoredTensor
from tasks.merge.stream import CopiedTensor, Reader

FULL = Path("/dev/full")
"""A device on Linux that fails every write as a full disk does."""
on_linux = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


def four_numbers(folder: Path, name: str = "weight") -> CopiedTensor:
    """A tensor of 16 bytes on the disk."""
    (folder / name).write_bytes(bytes(16))
    return CopiedTensor(name, "F32", StoredTensor("F32", (4,), (StoredChunk((0,), (4,), folder / name, 0),)))


@on_linux
def test_a_disk_that_is_full_at_the_record_is_reported(tmp_path: Path) -> None:
    [shard] = plan_shards([four_numbers(tmp_path)], 100)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / f"{shard.name}{SUFFIX}").with_suffix(".tmp").symlink_to(FULL)
    with pytest.raises(DiskFull, match="1 files of the merged model need"):
        write_shards([shard], "", tmp_path / "work")


@on_linux
@pytest.mark.parametrize("file", ["model-00002-of-00002.safetensors", "model.safetensors.index.json"])
def test_a_disk_that_is_full_at_the_publishing_is_reported(file: str, tmp_path: Path) -> None:
    shards = plan_shards([four_numbers(tmp_path, name) for name in ("a", "b")], 16)
    write_shards(shards, "", tmp_path / "work")
    (tmp_path / "model").mkdir()
    # An existing file prevents the link, so that the file is copied.
    (tmp_path / "model" / file).symlink_to(FULL)
    with pytest.raises(DiskFull, match=r"2 files of the merged model need .* the disk of .*/model has"):
        publish_shards(shards, tmp_path / "work", tmp_path / "model")


def test_space_for_a_second_copy_is_checked_before_it_is_made(tmp_path: Path) -> None:
    huge = plan_shards([CopiedTensor("huge", "F32", StoredTensor("F32", (10**15,), ()))], 10**9)
    # The file does not exist and cannot be linked.
    with pytest.raises(DiskFull, match=r"1 files of the merged model need 4000000\.00 GB"):
        publish_shards(huge, tmp_path, tmp_path)


def test_files_that_cannot_be_linked_are_copied(tmp_path: Path) -> None:
    [shard] = plan_shards([four_numbers(tmp_path)], 100)
    write_shards([shard], "", tmp_path / "work")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / shard.name).touch()
    publish_shards([shard], tmp_path / "work", tmp_path / "model")
    assert (tmp_path / "model" / shard.name).read_bytes() == (tmp_path / "work" / shard.name).read_bytes()


@dataclass
class Slow(CopiedTensor):
    """Blocks for about ten seconds, unless cancelled."""

    drawn: list[int] = field(default_factory=list)

    def blocks(self, reader: Reader) -> Iterator[np.ndarray]:
        for i in range(1_000):
            self.drawn.append(i)
            time.sleep(0.01)
            yield np.zeros(1, np.uint8)


class Damaged(CopiedTensor):
    """Fails at its first block."""

    def blocks(self, reader: Reader) -> Iterator[np.ndarray]:
        raise SourceDamaged("the second file is damaged")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor writes one file at a time")
def test_a_later_file_that_fails_cancels_the_earlier_ones(tmp_path: Path) -> None:
    source = StoredTensor("U8", (1_000,), ())
    slow = Slow("slow", "U8", source)
    with pytest.raises(SourceDamaged, match="the second file"):
        write_shards(plan_shards([slow, Damaged("damaged", "U8", source)], 1_000), "", tmp_path)
    assert len(slow.drawn) < 1_000
