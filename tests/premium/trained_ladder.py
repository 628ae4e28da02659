"""Six small models, trained by this project on the State of the Union addresses up to six days, and one panel's states.

The days are those of the tent in the facts: before the panel, inside it, at the cut, and after its end.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from tasks.corpus.config import CorpusConfig, SotuSource
from tasks.corpus.write.writer import write_corpus
from tasks.embed.config import EmbedConfig
from tasks.embed.write import write_states
from tasks.merge.config import MergeConfig
from tasks.merge.write import write_merge
from tasks.panel.build import write_panel
from tasks.panel.config import PanelConfig, PlantedSource
from tasks.premium.rows import Rows, make_rows
from tasks.schemas.artifacts import Checkpoint, Embeddings, ModelFolder, Panel, TextShards
from tasks.train.pipeline.train_arm import train_arm
from tests.model_fixtures import SMALL_TRAINING, scratch_folder, states_in, tiny_base
from tests.premium.made_ladder import known_until, made_target
from tests.simulations.tent import KNOWLEDGE_ENDS

CUTOFFS: dict[str, date] = {f"until-{day:%Y-%m}": day for day in KNOWLEDGE_ENDS}
PANEL = PanelConfig(source=PlantedSource(lookahead=0.0), n_stocks=40, dates_per_stock=50)
TRAINING = SMALL_TRAINING.model_copy(update={"checkpoint_minutes": 30.0})


@dataclass(frozen=True)
class TrainedLadder:
    """A panel and the states of its sentences by the trained models.

    Args:
        table: The panel's rows.
        states: (n_rows, width) float32 by model.
        last_documents: The newest address that each model was trained on.
    """

    table: pd.DataFrame
    states: dict[str, np.ndarray]
    last_documents: dict[str, date]

    def planted(self, r: float, seed: int) -> Rows:
        """The panel with a target drawn anew, and one more column beside each model's states.

        Args:
            r: R2 with which the column carries the targets that end by the model's cutoff; 0: it is noise.
            seed: Of target and columns; the target does not depend on r.
        """
        rng = np.random.default_rng(seed)
        target, ends = made_target(self.table["date"], rng), self.table["label_until"]
        states = {
            name: np.column_stack([own, known_until(target, ends, CUTOFFS[name], r, rng)]).astype(np.float32)
            for name, own in self.states.items()
        }
        return make_rows(self.table.assign(target=target), states, {})


@cache
def trained_ladder() -> TrainedLadder:
    """Train, merge and embed: minutes."""
    folder = scratch_folder("panel")
    write_panel(PANEL, folder)
    panel, states, last = Panel(folder), {}, {}
    for seed, (name, cutoff) in enumerate(CUTOFFS.items()):
        corpus = _corpus(cutoff, seed)
        states[name] = _states(_trained(corpus, name), panel)
        last[name] = max(document.date for document in corpus.documents())
    return TrainedLadder(panel.rows(), states, last)


def _corpus(cutoff: date, seed: int) -> TextShards:
    """Addresses up to the cutoff, in an order of their own: few are from between two cutoffs."""
    folder = scratch_folder("corpus")
    write_corpus(CorpusConfig(source=SotuSource(), cutoff=cutoff, token_budget=6_000, seed=seed), folder)
    return TextShards(folder)


def _trained(corpus: TextShards, name: str) -> ModelFolder:
    folder, merged = scratch_folder("train"), scratch_folder("merge")
    stored = states_in(scratch_folder("store"), TRAINING)
    train_arm(TRAINING, tiny_base(), corpus, folder, scratch_folder("work"), stored)
    write_merge(MergeConfig(), tiny_base(), Checkpoint(folder), name, merged, scratch_folder("merging"))
    return ModelFolder(merged)


def _states(model: ModelFolder, panel: Panel) -> np.ndarray:
    folder = scratch_folder("embed")
    write_states(EmbedConfig(undated=False), panel, model, folder)
    return Embeddings(folder).states()
