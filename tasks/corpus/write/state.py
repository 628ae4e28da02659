"""What is written down with every shard, so that a kill at any point is gone on from."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tasks.common.fsync import sync, write_durably
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.workers.cursor import Cursor
from tasks.corpus.write.counts import Census, DumpCensus


class State:
    """All that is written down with every shard, so that a kill costs at most the shard that was open.

    Args:
        folder: The corpus's work folder.
        n_strata: How many there are.
        cutoff: What the scan looks beyond.
    """

    def __init__(self, folder: Path, n_strata: int, cutoff: Cutoff) -> None:
        from tasks.corpus.filters.scan import Scan

        self._page = folder / "state.json"
        self.cursors = [Cursor() for _ in range(n_strata)]
        self.census = Census([DumpCensus() for _ in range(n_strata)])
        self.scan = Scan(cutoff)
        self.n_shards = self.n_validation_shards = 0
        if self._page.exists():
            self._restore(json.loads(self._page.read_text()))

    def save(self, n_shards: int, n_validation_shards: int) -> None:
        """Write down where the drawing stands, at a moment when no shard is open."""
        self.n_shards, self.n_validation_shards = n_shards, n_validation_shards
        saved = {
            "n_shards": n_shards,
            "n_validation_shards": n_validation_shards,
            "cursors": [asdict(cursor) for cursor in self.cursors],
            "census": self.census.saved(),
            "scan": self.scan.facts(),
        }
        write_durably(self._page, json.dumps(saved))

    def _restore(self, saved: dict[str, Any]) -> None:
        self.cursors = [Cursor(**cursor) for cursor in saved["cursors"]]
        self.census = Census.restored(saved["census"])
        self.scan.restore(saved["scan"])
        self.n_shards, self.n_validation_shards = saved["n_shards"], saved["n_validation_shards"]


class TakenBefore:
    """Near-duplicates of what was drawn before, also by an earlier start.

    Args:
        folder: Signatures of taken documents, a file per shard.
        n_shards: Shards that are closed already.
    """

    def __init__(self, folder: Path, n_shards: int) -> None:
        from tasks.corpus.filters.near_duplicates import NearDuplicates

        folder.mkdir(exist_ok=True)
        self._folder, self._near = folder, NearDuplicates()
        self._pending: list[np.ndarray] = []
        for file in sorted(folder.iterdir()):
            if int(file.stem) <= n_shards:
                self._near.keep(np.load(file))

    def is_new(self, name: str, signature: np.ndarray) -> bool:
        """Whether it is no near-duplicate of a document that was taken."""
        is_new = self._near.is_new(name, signature)
        if is_new:
            self._pending.append(signature)
        return is_new

    def save(self, n_shards: int) -> None:
        """Write down what was taken since the last time."""
        if self._pending:
            file = self._folder / f"{n_shards:05d}.npy"
            np.save(file, np.stack(self._pending))
            sync(file)
            sync(self._folder)
            self._pending = []
