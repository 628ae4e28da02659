"""Axolotl's trainer of preference pairs on rows of token ids, in the file's order, with strict loading."""

from typing import Any

import torch
from axolotl.core.trainers.dpo import AxolotlDPOTrainer
from torch.utils.data import Sampler, SequentialSampler
from transformers import set_seed

from tasks.train.trainer.callbacks import REWARDS
from tasks.train.trainer.preference import mean_of_real_pairs, pairs_weight
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.strict_trainer import StrictLoading


class StrictPreferenceTrainer(StrictLoading, AxolotlDPOTrainer):  # type: ignore[misc]
    """Axolotl makes it from the YAML's `trainer_cls`, with the model, no reference, and the adapters' config."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # It draws the adapters' first weights; transformers seeds only afterwards.
        set_seed(kwargs["args"].seed)
        super().__init__(*args, **kwargs)
        self.settings = Settings.read()

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        # The rows are token ids already; TRL would tokenize texts, and cut them.
        return dataset

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)

    def compute_loss(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *args: Any, **kwargs: Any) -> Any:
        """TRL's loss and rewards; in the last step without the filler pairs, which several ranks need."""
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        if not self.settings.n_filler_rows or self.state.global_step + 1 != self.settings.n_steps:
            return loss
        weight = pairs_weight(self.args.train_batch_size * self.args.gradient_accumulation_steps, self.settings)
        for name in REWARDS:
            # Filler pairs have a margin and an accuracy of exactly 0.
            self._metrics["train"][name][-1] *= weight
        return mean_of_real_pairs(loss, inputs["completion_mask"], weight)
