"""Axolotl's trainer of preference pairs on rows of token ids, in the file's order, with strict loading."""

from typing import Any

from axolotl.core.trainers.dpo import AxolotlDPOTrainer
from torch.utils.data import Sampler, SequentialSampler
from transformers import set_seed

from tasks.train.trainer.strict_trainer import StrictLoading


class StrictPreferenceTrainer(StrictLoading, AxolotlDPOTrainer):  # type: ignore[misc]
    """Axolotl makes it from the YAML's `trainer_cls`, with the model, no reference, and the adapters' config."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # It draws the adapters' first weights; transformers seeds only afterwards.
        set_seed(kwargs["args"].seed)
        super().__init__(*args, **kwargs)

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        # The rows are token ids already; TRL would tokenize texts, and cut them.
        return dataset

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)
