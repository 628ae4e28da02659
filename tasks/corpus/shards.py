"""Writing TextShards: text and token ids of the same documents side by side."""

from pathlib import Path

import numpy as np

from tasks.corpus.cutoff import Cutoff
from tasks.corpus.draw import DrawnDocument
from tasks.corpus.errors import CutoffBroken


class ShardWriter:
    """Writes documents in the order they come; no shard with a day of the wrong side leaves it.

    Args:
        folder: The artifact's folder.
        cutoff: Checked again over each shard, whatever came before.
        shard_tokens: A shard is closed when it holds this many.
    """

    def __init__(self, folder: Path, cutoff: Cutoff, shard_tokens: int) -> None:
        self.folder, self.cutoff, self.shard_tokens = folder, cutoff, shard_tokens
        self.n_shards = 0
        self._pending: list[DrawnDocument] = []
        self._pending_tokens = 0
        for name in ("texts", "tokens"):
            (folder / name).mkdir()

    def write(self, drawn: DrawnDocument) -> None:
        """Add a document."""
        self._pending.append(drawn)
        self._pending_tokens += len(drawn.ids)
        if self._pending_tokens >= self.shard_tokens:
            self.close()

    def close(self) -> None:
        """Write what is pending as a shard.

        Raises:
            CutoffBroken: If one of its days lies on the wrong side of the cutoff.
        """
        if not self._pending:
            return
        self._refuse_wrong_side()
        self._write_texts(self.folder / "texts" / f"{self.n_shards:05d}.jsonl")
        self._write_tokens(f"{self.folder}/tokens/{self.n_shards:05d}")
        self.n_shards += 1
        self._pending, self._pending_tokens = [], 0

    def _refuse_wrong_side(self) -> None:
        days = {drawn.document.date for drawn in self._pending}
        if wrong := sorted(day for day in days if not self.cutoff.takes(day)):
            raise CutoffBroken(
                f"shard {self.n_shards} holds a document of {wrong[-1]}, which does not lie {self.cutoff.words}; "
                "nothing is published. Please report it with the recipe."
            )

    def _write_texts(self, path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(drawn.document.model_dump_json() + "\n" for drawn in self._pending)

    def _write_tokens(self, stem: str) -> None:
        lengths = [len(drawn.ids) for drawn in self._pending]
        np.save(f"{stem}.npy", np.concatenate([drawn.ids for drawn in self._pending]))
        np.save(f"{stem}.offsets.npy", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
