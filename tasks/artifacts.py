"""The artifacts in which rooms meet: one class per kind, a folder on this machine with typed ways into it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
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
    """`panel`: `rows.parquet`, one row per (stock, day) with features, target and the sentences about it.

    Columns: code, date (day), label_from and label_until (days of the first and last price the target is made of), the
    numeric features, target, prompt, prompt_undated (the same sentence without its day); where a code is a pair of
    currencies, leg_1 and leg_2. Row order is part of the artifact.
    """

    FEATURES = ("log_close", "log_volume", "ret_5d", "ret_30d", "vol_20d", "planted")
    LEGS = ("leg_1", "leg_2")

    def rows(self) -> "pd.DataFrame":
        """All rows in the order drawn."""
        import pandas as pd

        return pd.read_parquet(self.path / "rows.parquet")

    def prompts_sha256(self) -> str:
        """Hash of the sentences in row order: what embeddings of this panel were made from."""
        return sha256("\n".join(self.rows()["prompt"]).encode()).hexdigest()

    def numeric_columns(self) -> list[str]:
        """The features this panel has, in the contract's order; volume is absent where nobody recorded it."""
        present = set(self.rows().columns)
        return [name for name in self.FEATURES if name in present]


class Embeddings(Folder):
    """`embed`: `states.npy`, (n_rows, hidden) float32, row for row with the panel it was made from.

    Beside it `prompts.sha256`, the hash of the sentences, and `undated.npy`, of the same shape, from the sentences
    without their day; absent where the recipe left the control out.
    """

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

    Beside it `draws.npy`, (n_kept, 1 + 2 * n_models) float64: draw, then on and off of base, trained and, where the
    recipe has one, placebo; under contract `seed`. `two_way.npy` holds the two-way draws of the honest figures.
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
    honest: "HonestScores | None" = None
    """What the number is made of; absent where the recipe asks for contract `seed` alone."""

    @classmethod
    def read(cls, folder: Path) -> "PremiumScores":
        """Read an artifact's scores."""
        return cls.model_validate_json((folder / "scores.json").read_text())


class Estimate(Frozen):
    """A figure with the intervals that cover it; a figure that is not defined on these rows says why."""

    point: float | None
    two_way: Interval | None = None
    """Percentiles of draws of stocks and of days, both with replacement: the interval to quote."""
    jackknife_se: float | None = None
    """Standard error from leaving out one group of days at a time."""
    jackknife: tuple[float, float] | None = None
    """point -/+ t * jackknife_se, 95 %: the second opinion."""
    why_none: str = ""
    """Why there is no figure, or no interval."""


class RankIc(Frozen):
    """Rank correlation between prediction and target within a day, on the stock- and date-disjoint split."""

    mean: float | None
    """Over days."""
    standard_error: float | None
    """From the spread over days, in blocks where labels overlap."""
    n_days: int
    """Days with enough stocks."""
    why_none: str = ""


class ModelParts(Frozen):
    """What one model's premium is made of."""

    on: Estimate
    """Stock-disjoint folds: train and test share days."""
    off: Estimate
    """Chronological, purged by label days."""
    date_disjoint: Estimate
    """Blocks of days, purged; train and test share stocks."""
    disjoint: Estimate
    """Stock- and date-disjoint at once, purged; the same test rows as `on`."""
    premium: Estimate
    """on - off."""
    construction: Estimate
    """on - disjoint: what sharing days is worth, which is no hindsight."""
    demeaned: Estimate
    """`disjoint` of the target less its day's mean."""
    rank_ic: RankIc


class Control(Frozen):
    """Columns of which it is known what they can know, scored as the models' are."""

    name: str
    """`numerics_only`, `one_hot_date`, `undated_prompt`, `shuffled_rows` or `noise`."""
    what: str
    """One clause for the page."""
    n_columns: int
    on: float | None
    off: float | None
    date_disjoint: float | None
    disjoint: float | None
    premium: float | None
    construction: float | None
    why_none: str = ""


class Sensitivity(Frozen):
    """The figures under another way of fitting, beside the seed's."""

    name: str
    """`unscaled, alpha = 1` or `standardized, alpha by purged CV`."""
    base_on: float | None
    base_off: float | None
    trained_on: float | None
    trained_off: float | None
    reduction: float | None
    alphas: list[float] = Field(default_factory=list)
    """Penalties chosen, one per fit."""
    why_none: str = ""


class Power(Frozen):
    """What this panel could detect, known before any model is."""

    half_width: float
    """Expected half-width of the reduction's 95 % interval, from two independent sets of noise columns."""
    smallest_detectable: float
    """Reduction found with 80 % power at a two-sided 5 % level."""
    n_columns: int
    n_draws: int


class Answer(Frozen):
    """A hypothesis stated before the run, and what the run says to it."""

    statement: str
    metric: str
    at_least: float
    estimate: Estimate
    verdict: Literal["supported", "rejected", "undecided"]
    """By the two-way interval: wholly at or above the threshold, wholly below it, or across."""
    reason: str


class SplitFacts(Frozen):
    """How a splitter parted the rows."""

    name: str
    n_splits: int
    n_train_rows: int
    """Summed over splits."""
    n_test_rows: int
    n_purged: int
    """Train rows left out because their label or the embargo touches the test span; summed over splits."""
    n_left_out: int = 0
    """Rows on neither side by the splitter's design, such as the test stocks' other days; summed over splits."""
    n_violations: int
    """Train rows whose label uses a price dated inside the test span; summed over splits."""


class HonestScores(Frozen):
    """The measure taken apart: intervals that cover, causes told apart, controls beside them."""

    base: ModelParts
    trained: ModelParts
    placebo: ModelParts | None = None
    """The base trained on as many tokens from after the cutoff."""
    reduction: Estimate
    """premium(base) - premium(trained), paired draws."""
    lookahead: Estimate
    """disjoint(base) - disjoint(trained), paired draws; a lookahead only where training started from scratch."""
    placebo_lookahead: Estimate | None = None
    """disjoint(base) - disjoint(placebo)."""
    trained_against_placebo: Estimate | None = None
    """disjoint(placebo) - disjoint(trained): what the cutoff did, tokens being equal."""
    splits: list[SplitFacts]
    controls: list[Control]
    sensitivity: list[Sensitivity]
    power: Power | None = None
    why_no_power: str = ""
    answer: Answer | None = None
    n_draws: int
    """Two-way draws asked for."""
    n_kept_draws: int
    dropped_draws: dict[str, int]
    n_day_groups: int
    """Groups of days the jackknife leaves out one at a time."""


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
