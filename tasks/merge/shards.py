"""The merged model's weight files: planned, written to a work directory, resumed after an interruption, published."""

import errno
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np

from tasks.checkpoints.dtypes import ITEM_BYTES
from tasks.common.progress import Progress
from tasks.common.threads import n_cores
from tasks.merge.errors import DiskFull
from tasks.merge.finished import FinishedFile, file_identity, find_finished, record_finished
from tasks.merge.stored_tensors import INDEX, SINGLE
from tasks.merge.stream import CopiedTensor, MergedTensor, Reader, safetensors_header, write_file

log = logging.getLogger(__name__)

MAX_THREADS = 8
"""A thread hashes about 1.8 GB/s; no disk is faster than eight of them."""


@dataclass(frozen=True)
class Shard:
    """A weight file of the merged model.

    Args:
        name: File name.
        tensors: Its tensors, the widest number formats first, so that each is aligned.
    """

    name: str
    tensors: tuple[MergedTensor, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of its tensors."""
        return sum(tensor.n_bytes for tensor in self.tensors)


def plan_shards(tensors: Sequence[MergedTensor], max_bytes: int) -> list[Shard]:
    """Divide tensors, in order, among files of at most `max_bytes` or one larger tensor."""
    groups: list[list[MergedTensor]] = []
    n_left = 0
    for tensor in tensors:
        if not groups or tensor.n_bytes > n_left:
            groups.append([])
            n_left = max_bytes
        groups[-1].append(tensor)
        n_left -= tensor.n_bytes
    names = [f"model-{i + 1:05}-of-{len(groups):05}.safetensors" for i in range(len(groups))]
    return [
        Shard(name, tuple(sorted(group, key=lambda tensor: -ITEM_BYTES[tensor.dtype])))
        for name, group in zip(names if len(groups) > 1 else [SINGLE], groups, strict=True)
    ]


def write_shards(shards: Sequence[Shard], inputs_identity: str, work_dir: Path) -> tuple[list[FinishedFile], int]:
    """Write every file that an earlier start did not finish; copied tensors with one thread per processor.

    Args:
        shards: The files.
        inputs_identity: Digest of what decides the tensors besides the files they are read from.
        work_dir: For files and their records; files of an earlier start are hashed and kept.

    Returns:
        A record per shard, and the number of files of an earlier start.

    Raises:
        DiskFull: If the disk is too small.
        HindsightError: If a source is damaged or cannot be folded.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    identities = [file_identity(shard.name, shard.tensors, inputs_identity) for shard in shards]
    found = [find_finished(work_dir / shard.name, identity) for shard, identity in zip(shards, identities, strict=True)]
    missing = [i for i, finished in enumerate(found) if finished is None]
    left = [shards[i] for i in missing]
    _check_space(left, work_dir)
    progress, cancelled = Progress("merge", sum(shard.n_bytes for shard in left)), Event()
    with ThreadPoolExecutor(_n_threads(left), "shard") as pool:
        futures = {
            pool.submit(_write_shard, shards[i], identities[i], work_dir, progress, cancelled): i for i in missing
        }
        try:
            # In order of completion: the first error cancels all others.
            for n_done, future in enumerate(as_completed(futures), len(shards) - len(left) + 1):
                found[futures[future]] = future.result()
                log.info("merge: shard %d of %d written and hashed, %s", n_done, len(shards), progress)
        except BaseException:
            cancelled.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [finished for finished in found if finished is not None], len(shards) - len(left)


def publish_shards(shards: Sequence[Shard], work_dir: Path, folder: Path) -> None:
    """Link, or copy, finished files into an artifact's folder, then write the index.

    Raises:
        DiskFull: If files must be copied and the disk is too small for both.
    """
    with _full_disk_named(shards, folder):
        copied = [shard for shard in shards if not _linked(work_dir / shard.name, folder / shard.name)]
        _check_space(copied, folder)
        for shard in copied:
            shutil.copyfile(work_dir / shard.name, folder / shard.name)
        if len(shards) > 1:
            weight_map = {tensor.name: shard.name for shard in shards for tensor in shard.tensors}
            total = {"total_size": sum(shard.n_bytes for shard in shards)}
            (folder / INDEX).write_text(json.dumps({"metadata": total, "weight_map": weight_map}, indent=2) + "\n")


def _linked(file: Path, link: Path) -> bool:
    try:
        link.hardlink_to(file)
    except OSError:
        # Another file system, or one without hard links.
        return False
    return True


def _n_threads(left: Sequence[Shard]) -> int:
    """Files written at once; only one where adapters are folded, which needs more memory and all processors."""
    only_copied = all(isinstance(tensor, CopiedTensor) for shard in left for tensor in shard.tensors)
    return min(MAX_THREADS, n_cores()) if only_copied else 1


def _write_shard(shard: Shard, identity: str, work_dir: Path, progress: Progress, cancelled: Event) -> FinishedFile:
    def blocks(reader: Reader) -> Iterator[np.ndarray]:
        yield np.frombuffer(safetensors_header(shard.tensors), np.uint8)
        for tensor in shard.tensors:
            for block in tensor.blocks(reader):
                if cancelled.is_set():
                    raise CancelledError
                progress.add(block.nbytes)
                yield block

    with _full_disk_named([shard], work_dir), Reader() as reader:
        digest, n_bytes = write_file(blocks(reader), work_dir / shard.name)
        counts: Counter[str] = Counter()
        for tensor in shard.tensors:
            counts.update(tensor.counts)
        finished = FinishedFile(identity, digest, n_bytes, reader.n_read, dict(sorted(counts.items())))
        record_finished(finished, work_dir / shard.name)
    return finished


@contextmanager
def _full_disk_named(shards: Sequence[Shard], folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _disk_full(shards, folder) from error


def _check_space(left: Sequence[Shard], folder: Path) -> None:
    if sum(shard.n_bytes for shard in left) > shutil.disk_usage(folder).free:
        raise _disk_full(left, folder)


def _disk_full(left: Sequence[Shard], folder: Path) -> DiskFull:
    wanted, free = sum(shard.n_bytes for shard in left) / 1e9, shutil.disk_usage(folder).free / 1e9
    return DiskFull(
        f"{len(left)} files of the merged model need {wanted:.2f} GB, the disk of {folder} has {free:.2f} GB free. "
        "Free some space, or move HINDSIGHT_STATE to a larger disk; finished files are kept for the retry."
    )
