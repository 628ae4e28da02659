"""The merged model's files: planned, written one by one, and gone on with where an earlier try was cut."""

import errno
import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from tasks.checkpoints.torch_save import ITEM_BYTES
from tasks.merge.errors import NoRoom
from tasks.merge.progress import Progress
from tasks.merge.proofs import Proof, find, identity_of, keep
from tasks.merge.sources import INDEX, SINGLE
from tasks.merge.stream import Copied, Output, Reader, n_bytes_of
from tasks.merge.writer import header, write_file

log = logging.getLogger(__name__)

MOST_AT_ONCE = 8
"""A thread hashes about 1.8 GB/s; no disk takes more than eight of them give."""


@dataclass(frozen=True)
class Shard:
    """One file of the merged model.

    Args:
        name: File name.
        outputs: Its tensors, the widest number formats first, so that each is aligned.
    """

    name: str
    outputs: tuple[Output, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of its tensors."""
        return sum(map(n_bytes_of, self.outputs))


def plan_shards(outputs: Sequence[Output], max_bytes: int) -> list[Shard]:
    """Fill files in the given order, each with at most this many bytes or one larger tensor."""
    groups: list[list[Output]] = []
    room = 0
    for output in outputs:
        if not groups or n_bytes_of(output) > room:
            groups.append([])
            room = max_bytes
        groups[-1].append(output)
        room -= n_bytes_of(output)
    names = [f"model-{i + 1:05}-of-{len(groups):05}.safetensors" for i in range(len(groups))]
    return [
        Shard(name, tuple(sorted(group, key=lambda output: -ITEM_BYTES[output.dtype])))
        for name, group in zip(names if len(groups) > 1 else [SINGLE], groups, strict=True)
    ]


def write_shards(shards: Sequence[Shard], inputs_identity: str, work_dir: Path) -> tuple[list[Proof], int]:
    """Write every file that no earlier try has proved, as many at once as there are processors.

    Args:
        shards: The plan.
        inputs_identity: Digest of what decides the tensors besides the files they lie in.
        work_dir: Where files and proofs lie; what an earlier try left there is hashed and gone on with.

    Returns:
        A proof per shard, and how many of them an earlier try had left.

    Raises:
        NoRoom: If the disk is too small.
        MergeError: If a source is damaged or cannot be folded.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    identities = [identity_of(shard.name, shard.outputs, inputs_identity) for shard in shards]
    found = [find(work_dir / shard.name, identity) for shard, identity in zip(shards, identities, strict=True)]
    left = [shard for shard, proof in zip(shards, found, strict=True) if proof is None]
    _check_room(left, work_dir)
    progress = Progress(sum(shard.n_bytes for shard in left))
    with ThreadPoolExecutor(_n_at_once(left), "shard") as pool:
        tasks = {
            pool.submit(_write, shard, identity, work_dir, progress): i
            for i, (shard, identity, proof) in enumerate(zip(shards, identities, found, strict=True))
            if proof is None
        }
        try:
            # As they come, for what fails in a later file ends the others.
            for n_done, task in enumerate(as_completed(tasks), len(shards) - len(left) + 1):
                found[tasks[task]] = task.result()
                log.info("merge: shard %d of %d written and hashed, %s", n_done, len(shards), progress.line())
        except BaseException:
            progress.stop()
            pool.shutdown(cancel_futures=True)
            raise
    return [proof for proof in found if proof is not None], len(shards) - len(left)


def publish_shards(shards: Sequence[Shard], work_dir: Path, folder: Path) -> None:
    """Give proved files their place in an artifact's folder, then write the index, for all are there.

    Raises:
        NoRoom: If files must be copied and the disk is too small for both.
    """
    with _enough_room(shards, folder):
        copied = [shard for shard in shards if not _linked(work_dir / shard.name, folder / shard.name)]
        _check_room(copied, folder)
        for shard in copied:
            shutil.copyfile(work_dir / shard.name, folder / shard.name)
        if len(shards) > 1:
            weight_map = {output.name: shard.name for shard in shards for output in shard.outputs}
            total = {"total_size": sum(shard.n_bytes for shard in shards)}
            (folder / INDEX).write_text(json.dumps({"metadata": total, "weight_map": weight_map}, indent=2) + "\n")


def _linked(file: Path, second_name: Path) -> bool:
    try:
        second_name.hardlink_to(file)
    except OSError:
        # Another file system, or one without second names.
        return False
    return True


def _n_at_once(left: Sequence[Shard]) -> int:
    """Files in work at a time: an adapter's folds one after another, for each holds a whole weight."""
    only_copied = all(isinstance(output, Copied) for shard in left for output in shard.outputs)
    return min(MOST_AT_ONCE, len(os.sched_getaffinity(0))) if only_copied else 1


def _write(shard: Shard, identity: str, work_dir: Path, progress: Progress) -> Proof:
    file = work_dir / shard.name
    head = np.frombuffer(header(shard.outputs), np.uint8)
    with _enough_room([shard], work_dir), Reader() as reader:
        body = progress.count(piece for output in shard.outputs for piece in output.pieces(reader))
        digest, n_bytes = write_file(chain([head], body), file)
        counts: Counter[str] = Counter()
        for output in shard.outputs:
            counts.update(output.counts)
        proof = Proof(identity, digest, n_bytes, reader.n_read, dict(sorted(counts.items())))
        keep(proof, file)
    return proof


@contextmanager
def _enough_room(shards: Sequence[Shard], folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_room(shards, folder) from error


def _check_room(left: Sequence[Shard], work_dir: Path) -> None:
    if sum(shard.n_bytes for shard in left) > shutil.disk_usage(work_dir).free:
        raise _no_room(left, work_dir)


def _no_room(left: Sequence[Shard], work_dir: Path) -> NoRoom:
    wanted, free = sum(shard.n_bytes for shard in left) / 1e9, shutil.disk_usage(work_dir).free / 1e9
    return NoRoom(
        f"{len(left)} files of the merged model need {wanted:.2f} GB, the disk of {work_dir} has {free:.2f} GB free. "
        "Make room, or move HINDSIGHT_STATE to a larger disk; files already proved are gone on with."
    )
