"""The artifacts in which rooms meet: one class per kind, a folder on this machine with typed ways into it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, JsonValue

from tasks.settings import Frozen

if TYPE_CHECKING:
    # Flow modules import this one; arrays and frames are loaded where they are read.
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Folder:
    """An artifact's files, fetched and verified, or being written."""

    path: Path


class Document(Frozen):
    """One text with the day it could be known."""

    id: str
    date: date
    text: str


class TextShards(Folder):
    """`corpus`: documents in training order, as text and as token ids.

    `texts/NNNNN.jsonl` holds documents, `tokens/NNNNN.npy` the uint32 ids of the same documents end to end,
    `tokens/NNNNN.offsets.npy` the int64 offset of each document's first id and one past the last.
    """

    @property
    def text_files(self) -> list[Path]:
        """Text shards in order."""
        return sorted((self.path / "texts").glob("*.jsonl"))

    def documents(self) -> Iterator[Document]:
        """Documents in training order."""
        for file in self.text_files:
            with file.open(encoding="utf-8") as lines:
                yield from map(Document.model_validate_json, lines)

    def token_ids(self) -> Iterator["np.ndarray"]:
        """(n_tokens,) uint32 ids of each document, in the same order."""
        import numpy as np

        for file in self.text_files:
            stem = self.path / "tokens" / file.stem
            ids = np.load(f"{stem}.npy", mmap_mode="r", allow_pickle=False)
            offsets = np.load(f"{stem}.offsets.npy", allow_pickle=False)
            for start, end in pairwise(offsets):
                yield ids[start:end]


class ModelFolder(Folder):
    """`base` and `merge`: a causal language model as transformers saves it, with its tokenizer, safetensors only."""

    @property
    def config_file(self) -> Path:
        """The architecture."""
        return self.path / "config.json"


class Checkpoint(Folder):
    """`train`: `adapter/` as PEFT saves it, `metrics.jsonl` by step, `axolotl.yaml` as run, `coverage.json`."""

    @property
    def adapter_dir(self) -> Path:
        """LoRA weights and their config."""
        return self.path / "adapter"

    def metrics(self) -> list[dict[str, JsonValue]]:
        """One mapping per optimizer step: step, loss, learning_rate, tokens_seen. Times are facts of the record."""
        return [json.loads(line) for line in (self.path / "metrics.jsonl").read_text().splitlines()]


class Panel(Folder):
    """`panel`: `rows.parquet`, one row per (stock, day) with features, target and the sentence about it.

    Columns: code, date (day), the numeric features, target, prompt. Row order is part of the artifact.
    """

    FEATURES = ("log_close", "log_volume", "ret_5d", "ret_30d", "vol_20d")

    def rows(self) -> "pd.DataFrame":
        """All rows in the order drawn."""
        import pandas as pd

        return pd.read_parquet(self.path / "rows.parquet")

    def numeric_columns(self) -> list[str]:
        """The features this panel has, in the contract's order; volume is absent where nobody recorded it."""
        present = set(self.rows().columns)
        return [name for name in self.FEATURES if name in present]


class Embeddings(Folder):
    """`embed`: `states.npy`, (n_rows, hidden) float32, row for row with the panel it was made from."""

    def states(self) -> "np.ndarray":
        """(n_rows, hidden) float32."""
        import numpy as np

        states: np.ndarray = np.load(self.path / "states.npy", allow_pickle=False)
        return states


class Interval(Frozen):
    """Percentiles of a bootstrap's draws."""

    p2_5: float
    p50: float
    p97_5: float


class ModelScore(Frozen):
    """One model's figures under the seed contract; R2 of a ridge on states and numeric features."""

    r2_off: float
    """Chronological: fitted up to the cut, scored after it."""
    r2_on: float
    """Mean over stock-disjoint folds."""
    r2_on_folds: list[float]
    premium: float
    """r2_on - r2_off."""
    premium_interval: Interval


class PremiumScores(Frozen):
    """`premium`: `scores.json`.

    Beside it `draws.npy`, (n_kept, 5) float64: draw, base on, base off, trained on, trained off.
    """

    contract: Literal["seed"]
    cut: date
    """Last day of the chronological train side."""
    n_stocks: int
    n_rows: int
    n_train_rows: int
    n_test_rows: int
    n_columns: int
    base: ModelScore
    trained: ModelScore
    premium_reduction: float
    """premium(base) - premium(trained)."""
    reduction_interval: Interval
    n_draws: int
    n_kept_draws: int
    dropped_draws: dict[str, int]
    """Draws that could not be scored, by reason."""

    @classmethod
    def read(cls, folder: Path) -> "PremiumScores":
        """Read an artifact's scores."""
        return cls.model_validate_json((folder / "scores.json").read_text())


class Check(Frozen):
    """One line of preflight's table."""

    name: str
    passed: bool
    value: str
    """What was found."""
    bound: str
    """What it was held against."""
    way_out: str = ""
    """What to do where it did not pass."""


class Preflight(Frozen):
    """`preflight`: `checks.json`, all passed, for a failed check publishes nothing."""

    checks: list[Check] = Field(min_length=1)

    @classmethod
    def read(cls, folder: Path) -> "Preflight":
        """Read an artifact's checks."""
        return cls.model_validate_json((folder / "checks.json").read_text())


class Report(Folder):
    """`report`: `report.html`, self-contained, and `table.json`, its headline figures as rows."""

    @property
    def page(self) -> Path:
        """The page."""
        return self.path / "report.html"

    def table(self) -> list[dict[str, str]]:
        """The headline figures, a mapping per row, in the report's order."""
        rows: list[dict[str, str]] = json.loads((self.path / "table.json").read_text())
        return rows
