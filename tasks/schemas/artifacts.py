"""The artifacts that stages exchange: one class per kind, a local folder with typed accessors."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field, JsonValue

from tasks.common.settings import Frozen, state_dir

if TYPE_CHECKING:
    # Flow modules import this one; arrays and frames are loaded where they are read.
    import numpy as np
    import pandas as pd
    from datasets import Dataset


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
    `tokens/NNNNN.offsets.npy` the int64 offset of each document's first id and one past the last. `validation/` has the
    same layout; no document of it is among the others. `ledger.json` says what all of it was drawn from.
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

    def dataset(self) -> "Dataset":
        """The documents as a `datasets.Dataset`, in the same order, mapped from disk and not held in memory.

        Columns: id, date (day), text, input_ids (uint32 token ids). Its Arrow copy is written below `datasets/` in the
        state folder at the first call, and used until a shard changes.
        """
        from datasets import Dataset, Features, List, Value

        features = Features(
            {
                "id": Value("string"),
                "date": Value("date32"),
                "text": Value("large_string"),
                "input_ids": List(Value("uint32")),
            }
        )
        if not self.text_files:
            return Dataset.from_dict({name: [] for name in features}, features=features)
        return Dataset.from_generator(
            _rows_of,
            features=features,
            cache_dir=str(state_dir() / "datasets"),
            gen_kwargs={"folder": str(self.path), "state": str([_state_of(file) for file in self.text_files])},
        )

    def validation(self) -> "TextShards":
        """The documents kept apart; none where the recipe's `validation_share` is 0."""
        return TextShards(self.path / "validation")

    def ledger(self) -> dict[str, JsonValue]:
        """Sources with their digests, counts by dump and month, drops by reason, signs of later days."""
        found: dict[str, JsonValue] = json.loads((self.path / "ledger.json").read_text(encoding="utf-8"))
        return found


def _rows_of(folder: str, state: str) -> Iterator[dict[str, object]]:
    """Rows of `TextShards.dataset`; `state` is part of the key by which datasets finds their copy."""
    corpus = TextShards(Path(folder))
    for document, ids in zip(corpus.documents(), corpus.token_ids(), strict=True):
        yield {"id": document.id, "date": document.date, "text": document.text, "input_ids": ids}


def _state_of(file: Path) -> tuple[str, int, int]:
    found = file.stat()
    return file.name, found.st_size, found.st_mtime_ns


class ModelFolder(Folder):
    """`base` and `merge`: a model as transformers saves it, with its tokenizer, safetensors only.

    A causal language model; the model of an audit may be an encoder. `allowed_code.json`, where there is one, names the
    repository and commit whose Python code, beside it, the embed stage may run.
    """

    @property
    def config_file(self) -> Path:
        """The architecture."""
        return self.path / "config.json"

    def allowed_code(self) -> str | None:
        """`owner/name@commit` of the code that may run with this model; None for no code."""
        file = self.path / "allowed_code.json"
        return str(json.loads(file.read_text())["allowed_code"]) if file.is_file() else None

    def note_code(self, allowed: str) -> None:
        """Write what `allowed_code` reads."""
        (self.path / "allowed_code.json").write_text(json.dumps({"allowed_code": allowed}) + "\n")


class Checkpoint(Folder):
    """`train`: what was trained, `metrics.jsonl` by step and `axolotl.yaml` as run.

    LoRA: `adapter/` as PEFT saves it and `coverage.json`. Full weight: `pytorch_model_fsdp_0/`, every weight of the
    model by its name in the model, in the layout of torch.distributed.checkpoint.
    """

    @property
    def adapter_dir(self) -> Path:
        """LoRA weights and their config."""
        return self.path / "adapter"

    @property
    def sharded_dir(self) -> Path:
        """Shards of the full weights and the `.metadata` that says what lies where."""
        return self.path / "pytorch_model_fsdp_0"

    @property
    def arm(self) -> Literal["lora", "full-weight"]:
        """Which of the two it holds."""
        return "full-weight" if self.sharded_dir.is_dir() else "lora"

    def metrics(self) -> list[dict[str, JsonValue]]:
        """One mapping per optimizer step: step, loss, learning_rate, tokens_seen. Times are facts of the record."""
        return [json.loads(line) for line in (self.path / "metrics.jsonl").read_text().splitlines()]


class Panel(Folder):
    """`panel`: `rows.parquet`, one row per (stock, day) with features, target and the sentences about it.

    Columns: code, date (day), label_from and label_until (first and last day of what the target is made of), the
    numeric features, target; where there are sentences, prompt and, where known, prompt_undated (the same sentence
    without its day); where a code is a pair of currencies, leg_1 and leg_2. Every other column is a numeric feature.
    Row order is part of the artifact.
    """

    KEYS = ("code", "date", "label_from", "label_until")
    TEXTS = ("prompt", "prompt_undated")
    LEGS = ("leg_1", "leg_2")
    NOT_FEATURES = (*KEYS, "target", *TEXTS, *LEGS)
    PRICE_FEATURES = ("log_close", "log_volume", "ret_5d", "ret_30d", "vol_20d", "planted")
    """Features of prices, in the contract's order."""

    def rows(self) -> "pd.DataFrame":
        """All rows in the order drawn."""
        import pandas as pd

        return pd.read_parquet(self.path / "rows.parquet")

    def rows_sha256(self) -> str:
        """Hash of the file of all rows: what forecasts are matched by."""
        return sha256((self.path / "rows.parquet").read_bytes()).hexdigest()

    def prompts_sha256(self) -> str:
        """Hash of the sentences in row order: what embeddings of this panel were made from. Empty if it has none."""
        rows = self.rows()
        return sha256("\n".join(rows["prompt"]).encode()).hexdigest() if "prompt" in rows else ""

    def keys_sha256(self) -> str:
        """Hash of code and day in row order: what vectors without sentences are matched by."""
        rows = self.rows()
        keys = (f"{code},{day:%Y-%m-%d}" for code, day in zip(rows["code"], rows["date"], strict=True))
        return sha256("\n".join(keys).encode()).hexdigest()

    def numeric_columns(self) -> list[str]:
        """The features this panel has."""
        return self.features_among(self.rows().columns)

    @classmethod
    def features_among(cls, columns: Iterable[str]) -> list[str]:
        """The features among a panel's columns: those of prices in the contract's order, then a table's in its own."""
        features = [name for name in columns if name not in cls.NOT_FEATURES]
        of_prices = [name for name in cls.PRICE_FEATURES if name in features]
        return [*of_prices, *(name for name in features if name not in of_prices)]


class RepeatedStates(NamedTuple):
    """States of some rows that were embedded again."""

    settings: str
    """What differed, as `precision bf16`."""
    rows: "np.ndarray"
    """(n_sample,) int64 row numbers."""
    states: "np.ndarray"
    """(n_sample, hidden) float32."""


class Embeddings(Folder):
    """`embed` and `vectors`: `states.npy`, (n_rows, hidden) float32, row for row with the panel it was made from.

    `embed`: beside it `prompts.sha256`, the hash of the sentences, and `undated.npy`, of the same shape, from the
    sentences without their day; absent where the recipe left the control out. `repeat.npy`, (n_sample, hidden), holds
    the states of a sample of rows that were embedded again, `repeat_rows.npy`, int64, their row numbers, and
    `repeat.txt` the settings that differed: the rest is numerical noise. Absent unless the recipe asks for it.
    `vectors`: beside it `keys.sha256`, the hash of the panel's codes and days; of sentences nothing is known.
    """

    @property
    def were_brought_along(self) -> bool:
        """Whether they are vectors made elsewhere."""
        return (self.path / "keys.sha256").exists()

    def origin(self, panel: Panel) -> tuple[str, str, str]:
        """What they were made from, and its hash in the record and in a panel; equal hashes mean this panel."""
        if self.were_brought_along:
            return "codes and days", (self.path / "keys.sha256").read_text().strip(), panel.keys_sha256()
        return "sentences", self.prompts_sha256(), panel.prompts_sha256()

    def prompts_sha256(self) -> str:
        """Hash of the sentences they were made from; empty where none was recorded."""
        file = self.path / "prompts.sha256"
        return file.read_text().strip() if file.exists() else ""

    def undated(self) -> "np.ndarray | None":
        """(n_rows, hidden) float32 of the sentences without their day, if they were embedded."""
        import numpy as np

        file = self.path / "undated.npy"
        if not file.exists():
            return None
        states: np.ndarray = np.load(file, allow_pickle=False)
        return states

    def repeat(self) -> "RepeatedStates | None":
        """States of a sample of rows under other settings, if it was embedded again."""
        import numpy as np

        if not (self.path / "repeat.npy").exists():
            return None
        rows, states = (np.load(self.path / name, allow_pickle=False) for name in ("repeat_rows.npy", "repeat.npy"))
        return RepeatedStates((self.path / "repeat.txt").read_text().strip(), rows, states)

    def states(self) -> "np.ndarray":
        """(n_rows, hidden) float32."""
        import numpy as np

        states: np.ndarray = np.load(self.path / "states.npy", allow_pickle=False)
        return states


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


class MeasuredModel(Frozen):
    """A model of an audit beside the panel's days."""

    name: str
    cutoff: str
    """A day, or `unknown`."""
    what: str
    """What was loaded, or the vectors brought along."""
    width: int
    """Of its states."""
    n_days_before: int | None
    """Days of the panel up to the cutoff; None where that is unknown."""
    n_days_after: int | None
    """Days after it, which the model cannot know from its text."""


class Preflight(Frozen):
    """`preflight`, `preflight_audit`: `checks.json`, all passed, for a failed check publishes nothing."""

    checks: list[Check] = Field(min_length=1)
    models: list[MeasuredModel] = Field(default_factory=list)
    """Of an audit, in its order."""
    notes: list[str] = Field(default_factory=list)
    """Sentences for the report, on models that may know every row."""

    @classmethod
    def read(cls, folder: Path) -> "Preflight":
        """Read an artifact's checks."""
        return cls.model_validate_json((folder / "checks.json").read_text())


class Report(Folder):
    """`report`: `report.html`, self-contained, and `table.json`, its headline figures as rows.

    Of a measure, beside them `results.json` (tasks/schemas/results.py) and, of a run that trained, `model_card.md`.
    """

    @property
    def page(self) -> Path:
        """The page."""
        return self.path / "report.html"

    def table(self) -> list[dict[str, str]]:
        """The headline figures, a mapping per row, in the report's order."""
        rows: list[dict[str, str]] = json.loads((self.path / "table.json").read_text())
        return rows
