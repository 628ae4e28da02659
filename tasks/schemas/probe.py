"""Artifacts of the recall probes: what models are asked, and what one of them answers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from tasks.common.settings import Frozen
from tasks.schemas.artifacts import Folder

if TYPE_CHECKING:
    import pandas as pd

Variant = Literal["date_only", "entity_neutral", "date_removed", "both", "fictitious_entity"]
"""Of a question: entity and day; the same without the entity, without the day, without both; an entity that is not."""
VARIANTS: tuple[Variant, ...] = ("date_only", "entity_neutral", "date_removed", "both", "fictitious_entity")
NEUTRAL: tuple[Variant, ...] = ("entity_neutral", "both")
"""Variants that name no entity."""
FICTITIOUS: tuple[Variant, ...] = ("fictitious_entity",)
"""Variants that name one that does not exist."""
UNDATED: tuple[Variant, ...] = ("date_removed", "both")
"""Variants without a day."""


ITEMS: dict[str, dict[str, str]] = {
    "documents": {"id": "string", "date": "date32", "text": "string", "n_bytes": "int64", "overlap": "float64"},
    "facts": {
        "id": "string",
        "date": "date32",
        "prompt": "string",
        "answer": "string",
        "wrong": "list",
        "n_bytes": "int64",
    },
    "questions": {"row": "int64", "variant": "string", "prompt": "string", "up": "string", "down": "string"},
}
"""Columns of the items' tables."""
ANSWERS: dict[str, dict[str, str]] = {
    "documents": {"id": "string", "date": "date32", "n_bytes": "int64", "n_tokens": "int64", "bits": "float64"},
    "facts": {"id": "string", "date": "date32", "n_tokens": "int64", "margin": "float64"},
    "questions": {"row": "int64", "variant": "string", "p_up": "float64", "mass": "float64"},
}
"""Columns of the answers' tables."""


class ProbeItems(Folder):
    """`probe_items`: what the models of a run are asked. Three tables in parquet, `panel_overlap.json`, `ledger.json`.

    No document is in the training shards among the stage's inputs. Any of the tables may be empty.
    """

    def documents(self) -> "pd.DataFrame":
        """Dated documents, held out: id, date (datetime64), text, n_bytes (of UTF-8), overlap.

        `overlap` is the fraction of the document's distinct word 13-grams that are in the training shards; NaN where
        none are among the inputs.
        """
        return _read(self, "documents")

    def facts(self) -> "pd.DataFrame":
        """Dated items: id, date (day on which it became known), prompt, answer, wrong (list of str), n_bytes.

        `answer` is the true completion, `wrong` are completions of the same kind; `n_bytes` counts prompt and answer.
        """
        return _read(self, "facts")

    def questions(self) -> "pd.DataFrame":
        """Questions on the panel's rows, without features: row (number in the panel), variant, prompt, up, down."""
        return _read(self, "questions")

    def panel_overlap(self) -> dict[str, JsonValue]:
        """N-gram overlap of the panel's sentences with the training shards; null where none are among the inputs."""
        return self._json("panel_overlap")

    def ledger(self) -> dict[str, JsonValue]:
        """Documents by year, what was dropped and why, and where the items come from."""
        return self._json("ledger")

    def _json(self, name: str) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = json.loads((self.path / f"{name}.json").read_text(encoding="utf-8"))
        return found


class ReadingSettings(Frozen):
    """How a model read the documents. Bits of two models that differ here differ for that reason too."""

    window_tokens: int
    """Of a document's windows: the smallest of the recipe's bound and the model's context."""
    n_leading_ids: int
    """Ids before every text. Without any, the first token is not scored."""


class ProbeAnswers(Folder):
    """`probe`: a model's answers, row for row with the items. Three tables in parquet, and `reading.json`."""

    def reading(self) -> ReadingSettings:
        """Windows and leading ids."""
        return ReadingSettings.model_validate_json((self.path / "reading.json").read_text(encoding="utf-8"))

    def documents(self) -> "pd.DataFrame":
        """id, date (datetime64), n_bytes, n_tokens (scored), bits (float64: -log2 of the text's probability).

        The first token has no probability. A document longer than the context is scored in windows.
        """
        return _read(self, "documents")

    def facts(self) -> "pd.DataFrame":
        """id, date, n_tokens (prompt and true completion), margin.

        `margin` is the log probability per token of the true completion less that of the best wrong one, in nats. An
        item with a margin above 0 is recognised.
        """
        return _read(self, "facts")

    def questions(self) -> "pd.DataFrame":
        """row, variant, p_up (probability of `up`, given that one of the two is said), mass (of both together)."""
        return _read(self, "questions")


def write_table(folder: Path, name: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write one of the tables, `NAME.parquet`, with its columns' types even where it has no row.

    Args:
        folder: Of the artifact.
        name: Of the table.
        columns: Types by column, as pyarrow names them; `list` is a list of strings.
        rows: A mapping per row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"list": pa.list_(pa.string())}
    schema = pa.schema([(column, types.get(kind) or pa.type_for_alias(kind)) for column, kind in columns.items()])
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), folder / f"{name}.parquet")


def _read(folder: Folder, name: str) -> "pd.DataFrame":
    import pandas as pd

    found = pd.read_parquet(folder.path / f"{name}.parquet")
    if "date" in found:
        found["date"] = pd.to_datetime(found["date"])
    return found
