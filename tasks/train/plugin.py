"""What axolotl loads of ours: hands over the blocks, writes metrics by step, refuses a loss that is no number.

This file runs in the trainer's environment: it imports neither Prefect nor the rooms' configs.
"""

import json
import math
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from axolotl.common.datasets import TrainDatasetMeta
from axolotl.integrations.base import BasePlugin
from datasets import Dataset
from transformers import TrainerCallback, set_seed

from tasks.train import workplace

PACKAGES = ("axolotl", "torch", "transformers", "peft")


class NotANumberError(RuntimeError):
    """The loss is NaN or infinite."""


class MetricsWriter(TrainerCallback):  # type: ignore[misc]
    """Appends a line to metrics.jsonl after every optimizer step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **others: Any) -> None:
        """Write the step's line.

        Raises:
            NotANumberError: If the loss is NaN or infinite; a run goes on from there only to waste its GPU.
        """
        if not logs or "loss" not in logs:
            # The Trainer's closing summary.
            return
        if not math.isfinite(logs["loss"]):
            raise NotANumberError(f"loss is {logs['loss']} at step {state.global_step}")
        line = {
            "step": state.global_step,
            "loss": logs["loss"],
            "learning_rate": logs["learning_rate"],
            "tokens_seen": int(state.num_input_tokens_seen),
            "seconds": round(time.monotonic() - self.started, 3),
        }
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")


class HindsightPlugin(BasePlugin):  # type: ignore[misc]
    """Axolotl's hooks, by the names it gives them."""

    def load_datasets(self, cfg: Any, preprocess: bool = False) -> TrainDatasetMeta:
        """The blocks, mapped into memory, in place of axolotl's own loading."""
        Path(workplace.VERSIONS).write_text(json.dumps({name: version(name) for name in PACKAGES}))
        return TrainDatasetMeta(Dataset.from_file(workplace.BLOCKS), None, cfg.max_steps)

    def pre_lora_load(self, cfg: Any, model: Any) -> None:
        """Seed the adapters' first weights; axolotl seeds only once the trainer exists, when they are already drawn."""
        set_seed(cfg.seed)

    def get_training_args(self, cfg: Any) -> dict[str, Any]:
        """Count tokens by the attention mask of the batches trained on, and show a NaN instead of averaging it away."""
        return {"include_num_input_tokens_seen": "non_padding", "logging_nan_inf_filter": False}

    def add_callbacks_post_trainer(self, cfg: Any, trainer: Any) -> list[TrainerCallback]:
        """Metrics by step."""
        return [MetricsWriter(Path(workplace.METRICS))]
