"""State saved with every shard, so that a run killed at any point resumes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tasks.common.fsync import sync, write_durably
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.filters.scan import Scan
from tasks.corpus.workers.work_items import Cursor
from tasks.corpus.write.counts import Counts, GroupCounts


class ResumeState:
    """Positions, counts and scan at the last closed shard. A kill costs at most the open shard."""

    def __init__(self, work: Path, n_groups: int, cutoff: Cutoff) -> None:
        self._page = work / "state.json"
        self.cursors = [Cursor() for _ in range(n_groups)]
        self.counts = Counts([GroupCounts() for _ in range(n_groups)])
        self.scan = Scan(cutoff)
        self.n_shards = self.n_validation_shards = 0
        if self._page.exists():
            self._restore(json.loads(self._page.read_text()))

    def save(self, n_shards: int, n_validation_shards: int) -> None:
        """Save the state at a moment when no shard is open."""
        self.n_shards, self.n_validation_shards = n_shards, n_validation_shards
        saved = {
            "n_shards": n_shards,
            "n_validation_shards": n_validation_shards,
            "cursors": [asdict(cursor) for cursor in self.cursors],
            "counts": self.counts.to_json(),
            "scan": self.scan.facts(),
        }
        write_durably(self._page, json.dumps(saved))

    def _restore(self, saved: dict[str, Any]) -> None:
        self.cursors = [Cursor(**cursor) for cursor in saved["cursors"]]
        # Found by a field of it, because older code saved the counts under another key.
        parts = (part for part in saved.values() if isinstance(part, dict))
        self.counts = Counts.from_json(next(part for part in parts if "tokens_by_day" in part))
        self.scan.restore(saved["scan"])
        self.n_shards, self.n_validation_shards = saved["n_shards"], saved["n_validation_shards"]


class KeptSignatures:
    """Near-duplicate index of the sampled documents, saved with every shard.

    Args:
        folder: Signatures of sampled documents, a file per shard.
        n_shards: Closed shards.
    """

    def __init__(self, folder: Path, n_shards: int) -> None:
        from tasks.common.duplicates.near import NearDuplicates

        folder.mkdir(exist_ok=True)
        self._folder, self._index = folder, NearDuplicates()
        self._pending: list[np.ndarray] = []
        for file in sorted(folder.iterdir()):
            if int(file.stem) <= n_shards:
                self._index.keep(np.load(file))

    def is_new(self, name: str, signature: np.ndarray) -> bool:
        """Keep a document unless it is a near-duplicate of a kept one; returns whether it was kept."""
        is_new = self._index.is_new(name, signature)
        if is_new:
            self._pending.append(signature)
        return is_new

    def save(self, n_shards: int) -> None:
        """Save the signatures kept since the last call."""
        if self._pending:
            file = self._folder / f"{n_shards:05d}.npy"
            np.save(file, np.stack(self._pending))
            sync(file)
            sync(self._folder)
            self._pending = []
