"""Shard files: texts and token ids of the same documents, written without holding a shard in memory."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from tasks.common.fsync import sync
from tasks.corpus.errors import CutoffBroken
from tasks.corpus.filters.cutoff import Cutoff

FOLDERS = ("texts", "tokens")
BUFFER_BYTES = 1 << 20
"""With the default buffer, nearly every document would be a system call."""


class ShardWriter:
    """Writes documents in order and refuses a shard with a day on the wrong side of the cutoff.

    Args:
        folder: For `texts/` and `tokens/`.
        cutoff: Checked over each shard, in addition to all earlier checks.
        n_shards: Closed shards, which are kept; other files are of a killed start and are removed.
    """

    def __init__(self, folder: Path, cutoff: Cutoff, n_shards: int = 0) -> None:
        self.folder, self.cutoff, self.n_shards = folder, cutoff, n_shards
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        kept = {f"{number:05d}" for number in range(n_shards)}
        for file in (file for name in FOLDERS for file in (folder / name).iterdir()):
            if file.name.split(".")[0] not in kept:
                file.unlink()
        self._open()
        self._start()

    def write(self, line: bytes, ids: np.ndarray, day: date) -> None:
        """Add a document.

        Args:
            line: As JSON, with its end of line.
            ids: (n_tokens,) uint32.
            day: Its date.
        """
        self._texts.write(line)
        self._tokens.write(ids.data)
        self._lengths.append(len(ids))
        self._days.add(day)
        self.n_pending_tokens += len(ids)

    def close_shard(self) -> None:
        """Make a shard of the pending documents, if there are any.

        Raises:
            CutoffBroken: If one of its days is on the wrong side of the cutoff.
        """
        if not self._lengths:
            return
        self._check_days()
        self._tokens.seek(0)
        # numpy pads headers, so that the final one fits in place of the one written first.
        np.lib.format.write_array_header_1_0(self._tokens, _header(self.n_pending_tokens))
        stem = f"{self.n_shards:05d}"
        offsets = np.concatenate([[0], np.cumsum(self._lengths)]).astype(np.int64)
        offsets_file = self.folder / "tokens" / f"{stem}.offsets.npy"
        np.save(offsets_file, offsets)
        sync(offsets_file)
        for stream, target in ((self._tokens, f"tokens/{stem}.npy"), (self._texts, f"texts/{stem}.jsonl")):
            stream.close()
            sync(Path(stream.name))
            Path(stream.name).rename(self.folder / target)
        for folder in (*(self.folder / name for name in FOLDERS), self.folder, self.folder.parent):
            sync(folder)
        self.n_shards += 1
        self._open()
        self._start()

    def end(self) -> None:
        """Remove the pending files."""
        for stream in (self._texts, self._tokens):
            stream.close()
            Path(stream.name).unlink(missing_ok=True)

    def _open(self) -> None:
        self._texts = (self.folder / "pending.jsonl").open("wb", BUFFER_BYTES)
        self._tokens = (self.folder / "pending.npy").open("wb", BUFFER_BYTES)

    def _start(self) -> None:
        np.lib.format.write_array_header_1_0(self._tokens, _header(0))
        self._lengths: list[int] = []
        self._days: set[date] = set()
        self.n_pending_tokens = 0

    def _check_days(self) -> None:
        if wrong := sorted(day for day in self._days if not self.cutoff.takes(day)):
            raise CutoffBroken(
                f"shard {self.n_shards} holds a document of {wrong[-1]}, which is not {self.cutoff.words}; "
                "nothing is published. Please report it with the recipe."
            )


def _header(n_tokens: int) -> dict[str, Any]:
    return {"descr": "<u4", "fortran_order": False, "shape": (n_tokens,)}
