"""The artifacts to check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tasks.preflight.planned_run import PlannedRun
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Embeddings, ModelFolder, Panel, TextShards
from tasks.schemas.probe import ProbeItems
from tasks.store.store import Store
from tasks.train.config import TrainConfig
from tasks.train.errors import CorpusTooSmall, UntrainableBase
from tasks.train.pipeline.rows import Rows, plan_rows

if TYPE_CHECKING:
    import numpy as np
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class Inputs:
    """The recipe, its fetched artifacts, and the store for the results."""

    recipe: Recipe
    base: ModelFolder
    corpus: TextShards
    panel: Panel
    store: Store
    placebo: TextShards | None = None
    states: Embeddings | None = None
    """The base's, where an earlier run embedded this panel."""
    items: ProbeItems | None = None
    """What models are asked, where the recipe has probes."""

    @classmethod
    def of(
        cls, recipe: Recipe, folders: Mapping[str, Path], store: Store, states: Embeddings | None = None
    ) -> "Inputs":
        """From the fetched artifacts' folders by input name."""
        placebo = TextShards(folders["placebo"]) if "placebo" in folders else None
        items = ProbeItems(folders["items"]) if "items" in folders else None
        base, corpus, panel = folders["base"], folders["corpus"], folders["panel"]
        return cls(recipe, ModelFolder(base), TextShards(corpus), Panel(panel), store, placebo, states, items)

    @cached_property
    def run(self) -> PlannedRun:
        """The recipe with the base model's sizes, counted once.

        Raises:
            UntrainableBase: If transformers has no classes for the base, or it is no causal language model.
        """
        architecture = read_causal(self.base)
        try:
            n_rows = self.rows.n_rows
        except CorpusTooSmall:
            # Reported by the token check.
            n_rows = None
        return PlannedRun.of(self.recipe, architecture, len(self.panel.rows()), n_rows)

    @cached_property
    def rows(self) -> Rows:
        """Rows and steps of the token budget.

        Raises:
            CorpusTooSmall: If the corpus is smaller.
        """
        return planned_rows(self.corpus, self.recipe.train)


def read_causal(base: ModelFolder) -> "PretrainedConfig":
    """The architecture of a base.

    Raises:
        UntrainableBase: If transformers has no classes for it.
    """
    from transformers import AutoConfig

    try:
        found: PretrainedConfig = AutoConfig.from_pretrained(base.path, trust_remote_code=False)
    except ValueError as error:
        raise UntrainableBase(
            f"transformers has no classes for the base: {str(error).splitlines()[0][:200]}. Name a model of "
            "another architecture in base.source; an audit measures ChronoGPT, and models with code of their own."
        ) from error
    return found


def planned_rows(corpus: TextShards, train: TrainConfig) -> Rows:
    """Rows and steps of a corpus, counted from its documents' lengths without reading tokens.

    Raises:
        CorpusTooSmall: If the corpus is smaller than the budget.
    """
    # A range is sliced like an array of ids, but holds none.
    return plan_rows(cast("Iterator[np.ndarray]", _document_lengths(corpus)), train)


def _document_lengths(corpus: TextShards) -> Iterator[range]:
    import numpy as np

    for file in corpus.text_files:
        offsets = np.load(corpus.path / "tokens" / f"{file.stem}.offsets.npy", allow_pickle=False)
        yield from map(range, np.diff(offsets).tolist())
