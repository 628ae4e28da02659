"""Examples to train a chat model on, and questions to ask it: what stages of an adapter release exchange."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field, JsonValue

from tasks.common.settings import Frozen
from tasks.schemas.artifacts import Folder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Item = TypeVar("Item", bound=Frozen)

IGNORED = -100
"""Label of tokens that have no loss."""


class Message(Frozen):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class ChatExample(Frozen):
    """A conversation whose last turn, the assistant's, is trained on."""

    id: str
    source: str
    """Name of the source in the mix."""
    group: str
    """What it is counted by beside its source: a pair of currencies, a family of formulas; empty for none."""
    day: date | None = None
    """Day whose information the prompt holds; None for text without a day, such as a definition."""
    messages: tuple[Message, ...] = Field(min_length=2)


class PreferencePair(Frozen):
    """A prompt with a better and a worse answer."""

    id: str
    source: str
    group: str
    day: date | None = None
    prompt: tuple[Message, ...] = Field(min_length=1)
    """Ends with the user's turn."""
    chosen: str = Field(min_length=1)
    rejected: str = Field(min_length=1)


class DirectionQuestion(Frozen):
    """A prompt about one row of a panel, and how an answer begins that says it rises, or falls."""

    row: int = Field(ge=0)
    """Position in the panel's rows."""
    prompt: tuple[Message, ...] = Field(min_length=1)
    up: str = Field(min_length=1)
    down: str = Field(min_length=1)


class KnowledgeQuestion(Frozen):
    """A prompt with several answers, of which one is right."""

    id: str
    group: str
    """Family of the formula."""
    prompt: tuple[Message, ...] = Field(min_length=1)
    answers: tuple[str, ...] = Field(min_length=2)
    right: int = Field(ge=0)
    """Position of the right answer."""


class Mix(Folder):
    """`mix`: `sft.jsonl`, `preference.jsonl`, `directions.jsonl`, `knowledge.jsonl` and `counts.json`.

    Examples to train on lie before the hold-out, questions after it. No question's text is an example's.
    """

    def chats(self) -> Iterator[ChatExample]:
        """Examples of the role `sft`, in training order."""
        yield from _read(self.path / "sft.jsonl", ChatExample)

    def preferences(self) -> Iterator[PreferencePair]:
        """Examples of the role `preference`, in training order."""
        yield from _read(self.path / "preference.jsonl", PreferencePair)

    def directions(self) -> Iterator[DirectionQuestion]:
        """Questions about the panel's hold-out rows, in the rows' order."""
        yield from _read(self.path / "directions.jsonl", DirectionQuestion)

    def knowledge(self) -> Iterator[KnowledgeQuestion]:
        """Questions about formulas of which nothing was trained on."""
        yield from _read(self.path / "knowledge.jsonl", KnowledgeQuestion)

    def counts(self) -> list[dict[str, JsonValue]]:
        """A mapping per source, role and group.

        Keys: source, role, group; n_read, and what is left after each step: n_valid (the schema), n_capped,
        n_before_holdout, n_not_asked (questions) and n_kept (duplicates); n_zero, rows without a direction, and
        n_short, rows asked for beyond those there are.
        """
        rows: list[dict[str, JsonValue]] = json.loads((self.path / "counts.json").read_text(encoding="utf-8"))
        return rows


class TokenizedExamples(Folder):
    """`align`: `rows.parquet`, examples as token ids by a base's tokenizer and chat template, in training order.

    Columns of conversations: input_ids and labels, -100 where a token is not the assistant's last turn. Columns of
    preference pairs: prompt_ids, chosen_ids, rejected_ids. An answer's last token is the end-of-turn token.
    `rendered.jsonl` shows the first examples as the template renders them; `counts.json` counts examples and tokens,
    and what was too long.
    """

    @property
    def rows_file(self) -> Path:
        """The ids."""
        return self.path / "rows.parquet"

    @property
    def rendered_file(self) -> Path:
        """What `rendered` reads."""
        return self.path / "rendered.jsonl"

    @property
    def counts_file(self) -> Path:
        """What `counts` reads."""
        return self.path / "counts.json"

    def rows(self) -> "pd.DataFrame":
        """One row per example."""
        import pandas as pd

        return pd.read_parquet(self.rows_file)

    def rendered(self) -> list[dict[str, JsonValue]]:
        """The first examples as text: id, prompt, answer; of pairs id, prompt, chosen, rejected."""
        # Not splitlines: JSON leaves U+2028 within a line.
        lines = self.rendered_file.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def counts(self) -> dict[str, JsonValue]:
        """objective, n_examples, n_tokens of a pass over them, n_trained_tokens of their answers, longest, end_of_turn.

        n_too_long examples, too_long_by_source, were longer than allowed.
        """
        found: dict[str, JsonValue] = json.loads(self.counts_file.read_text(encoding="utf-8"))
        return found


class Forecasts(Folder):
    """`forecast`: what one language model answers: `directions.npy`, `mass.npy`, `knowledge.json` and `panel.sha256`.

    `directions.npy`: (n_panel_rows,) float64 probability of a rise, given that one of the two answers is said; NaN in
    rows without a question. `mass.npy`: (n_panel_rows,) float64 probability that one of the two is said.
    `knowledge.json`: a mapping per question: id, group, right, chosen, n_answers. `panel.sha256`: hash of the panel's
    `rows.parquet`.
    """

    def directions(self) -> "np.ndarray":
        """(n_panel_rows,) probability of a rise."""
        return self._array("directions.npy")

    def mass(self) -> "np.ndarray":
        """(n_panel_rows,) probability that the model begins with one of the two answers."""
        return self._array("mass.npy")

    def knowledge(self) -> list[dict[str, JsonValue]]:
        """A mapping per question."""
        rows: list[dict[str, JsonValue]] = json.loads((self.path / "knowledge.json").read_text(encoding="utf-8"))
        return rows

    def panel_sha256(self) -> str:
        """Hash of the rows that were asked about."""
        return (self.path / "panel.sha256").read_text().strip()

    def _array(self, name: str) -> "np.ndarray":
        import numpy as np

        found: np.ndarray = np.load(self.path / name, allow_pickle=False)
        return found


class Gate(Frozen):
    """A condition of a release."""

    name: str
    passed: bool
    value: str
    """What was found."""
    bound: str
    """What it was held against."""
    was_run: bool = True
    """False for one that the config switches off; it then fails nothing and shows nothing."""


class Exported(Folder):
    """`export`: a GGUF file, its Modelfile, `gates.json` and `probe.json`.

    The GGUF file's name holds its sha256, so that a file name names one version. `probe.json`: prompts and the engine's
    greedy answers to them, a mapping per prompt: prompt, answer, and system where a system message came first.
    """

    @property
    def gguf(self) -> Path:
        """The quantized model."""
        (found,) = self.path.glob("*.gguf")
        return found

    @property
    def modelfile(self) -> Path:
        """What `ollama create` reads."""
        return self.path / "Modelfile"

    def gates(self) -> list[Gate]:
        """Parity of the file with the model it was made from."""
        return [Gate.model_validate(each) for each in json.loads((self.path / "gates.json").read_text())]

    def probes(self) -> list[dict[str, str]]:
        """Prompts with the engine's answers."""
        found: list[dict[str, str]] = json.loads((self.path / "probe.json").read_text(encoding="utf-8"))
        return found


def write_lines(path: Path, items: Iterable[Frozen]) -> int:
    """Write one JSON object per line; returns how many."""
    n_items = 0
    with path.open("w", encoding="utf-8") as file:
        for item in items:
            file.write(item.model_dump_json() + "\n")
            n_items += 1
    return n_items


def _read(path: Path, kind: type[Item]) -> Iterator[Item]:
    with path.open(encoding="utf-8") as lines:
        yield from map(kind.model_validate_json, lines)
