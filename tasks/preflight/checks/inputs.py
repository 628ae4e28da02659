"""What the checks look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from tasks.common.errors import HindsightError
from tasks.preflight.checks.planned_run import Subject
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Check, ModelFolder, Panel, TextShards
from tasks.store.store import Store
from tasks.train.config import TrainConfig
from tasks.train.errors import CorpusTooSmall
from tasks.train.pipeline.rows import Rows, plan_rows

if TYPE_CHECKING:
    import numpy as np

FOR_INFORMATION = "for information"
"""Bound of a line that cannot fail."""


@dataclass(frozen=True)
class Inputs:
    """What the checks look at, fetched.

    Args:
        recipe: The whole recipe.
        base: The base model.
        corpus: The corpus.
        panel: The panel.
        store: Where results shall go.
        placebo: The corpus from after the cutoff, where the recipe asks for one.
    """

    recipe: Recipe
    base: ModelFolder
    corpus: TextShards
    panel: Panel
    store: Store
    placebo: TextShards | None = None

    @cached_property
    def subject(self) -> Subject:
        """The recipe beside the base's architecture, counted once."""
        from transformers import AutoConfig

        architecture = AutoConfig.from_pretrained(self.base.path, trust_remote_code=False)
        try:
            n_rows = self.rows.n_rows
        except CorpusTooSmall:
            # A line of its own says so.
            n_rows = None
        return Subject.of(self.recipe, architecture, len(self.panel.rows()), n_rows)

    @cached_property
    def rows(self) -> Rows:
        """Rows and steps of the budget.

        Raises:
            CorpusTooSmall: If the corpus ends before it.
        """
        return planned_rows(self.corpus, self.recipe.train)


def planned_rows(corpus: TextShards, train: TrainConfig) -> Rows:
    """Rows and steps of a corpus, counted from its documents' lengths: no token is read.

    Raises:
        CorpusTooSmall: If the corpus ends before the budget.
    """
    # A range is cut as ids are, and holds none.
    return plan_rows(cast("Iterator[np.ndarray]", _document_lengths(corpus)), train)


def _document_lengths(corpus: TextShards) -> Iterator[range]:
    import numpy as np

    for file in corpus.text_files:
        offsets = np.load(corpus.path / "tokens" / f"{file.stem}.offsets.npy", allow_pickle=False)
        yield from map(range, np.diff(offsets).tolist())


def attempt(name: str, bound: str, look: Callable[[], object], found: str | None = None) -> Check:
    """Passed if looking refuses nothing; the line shows `found`, or what looking gave back."""
    try:
        seen = look()
    except HindsightError as error:
        return Check(name=name, passed=False, value=str(error), bound=bound)
    return Check(name=name, passed=True, value=found or str(seen), bound=bound)


def told(name: str, value: str) -> Check:
    """A line that informs."""
    return Check(name=name, passed=True, value=value, bound=FOR_INFORMATION)


def said_bytes(n_bytes: float) -> str:
    """As in `415.9 GB` or `1.0 MB`."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"
