"""A full disk is told as one, wherever it shows; and a file that fails ends the others."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tasks.merge.errors import NoRoom, SourceDamaged
from tasks.merge.proofs import PROOF
from tasks.merge.shards import plan_shards, publish_shards, write_shards
from tasks.merge.sources import Box, Source
from tasks.merge.stream import Copied, Reader

FULL = Path("/dev/full")
"""Linux's file that answers every write as a full disk does."""
on_linux = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


def four_numbers(folder: Path, name: str = "weight") -> Copied:
    """A tensor of 16 bytes on the disk."""
    (folder / name).write_bytes(bytes(16))
    return Copied(name, "F32", Source("F32", (4,), (Box((0,), (4,), folder / name, 0),)))


@on_linux
def test_a_disk_that_is_full_at_the_proof_is_no_room(tmp_path: Path) -> None:
    [shard] = plan_shards([four_numbers(tmp_path)], 100)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / f"{shard.name}{PROOF}").with_suffix(".tmp").symlink_to(FULL)
    with pytest.raises(NoRoom, match="1 files of the merged model need"):
        write_shards([shard], "", tmp_path / "work")


@on_linux
@pytest.mark.parametrize("file", ["model-00002-of-00002.safetensors", "model.safetensors.index.json"])
def test_a_disk_that_is_full_at_the_publishing_is_no_room(file: str, tmp_path: Path) -> None:
    shards = plan_shards([four_numbers(tmp_path, name) for name in ("a", "b")], 16)
    write_shards(shards, "", tmp_path / "work")
    (tmp_path / "model").mkdir()
    # Stands in the way of a link, so that the file is copied.
    (tmp_path / "model" / file).symlink_to(FULL)
    with pytest.raises(NoRoom, match=r"2 files of the merged model need .* the disk of .*/model has"):
        publish_shards(shards, tmp_path / "work", tmp_path / "model")


def test_room_for_a_second_copy_is_asked_before_it_is_made(tmp_path: Path) -> None:
    huge = plan_shards([Copied("huge", "F32", Source("F32", (10**15,), ()))], 10**9)
    # The file is not there, so that it cannot be linked.
    with pytest.raises(NoRoom, match=r"1 files of the merged model need 4000000\.00 GB"):
        publish_shards(huge, tmp_path, tmp_path)


def test_files_that_cannot_be_linked_are_copied(tmp_path: Path) -> None:
    [shard] = plan_shards([four_numbers(tmp_path)], 100)
    write_shards([shard], "", tmp_path / "work")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / shard.name).touch()
    publish_shards([shard], tmp_path / "work", tmp_path / "model")
    assert (tmp_path / "model" / shard.name).read_bytes() == (tmp_path / "work" / shard.name).read_bytes()


@dataclass(frozen=True)
class Slow(Copied):
    """Pieces for about ten seconds, unless something ends it."""

    drawn: list[int] = field(default_factory=list)

    def pieces(self, reader: Reader) -> Iterator[np.ndarray]:
        for i in range(1_000):
            self.drawn.append(i)
            time.sleep(0.01)
            yield np.zeros(1, np.uint8)


class Damaged(Copied):
    """Fails at its first piece."""

    def pieces(self, reader: Reader) -> Iterator[np.ndarray]:
        raise SourceDamaged("the second file is damaged")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor writes one file at a time")
def test_a_later_file_that_fails_ends_the_earlier_ones(tmp_path: Path) -> None:
    source = Source("U8", (1_000,), ())
    slow = Slow("slow", "U8", source)
    with pytest.raises(SourceDamaged, match="the second file"):
        write_shards(plan_shards([slow, Damaged("damaged", "U8", source)], 1_000), "", tmp_path)
    assert len(slow.drawn) < 1_000
