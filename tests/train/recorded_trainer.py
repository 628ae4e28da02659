"""The trainer, writing down every row that the model is fed: `python -m tests.train.recorded_trainer axolotl.yaml`."""

import json
import os
import runpy
from pathlib import Path
from typing import Any

from tasks.train.trainer.__main__ import main

FED = "fed-{rank}.jsonl"
"""In the work directory, a line per forward pass: the step, and the rows with their labels, without padding."""
run_module = runpy.run_module


def recorded(name: str, **arguments: Any) -> Any:
    """Run axolotl once its trainer writes down what it trains on."""
    # Not above: the trainer's main function decides first what may be imported.
    from tasks.train.trainer.strict_trainer import StrictTrainer

    original = StrictTrainer.training_step

    def training_step(self: Any, model: Any, inputs: dict[str, Any], *others: Any, **named: Any) -> Any:
        is_row = inputs["attention_mask"].bool()
        rows = [
            {"ids": ids[own].tolist(), "labels": labels[own].tolist()}
            for ids, labels, own in zip(inputs["input_ids"], inputs["labels"], is_row, strict=True)
        ]
        line = {"step": self.state.global_step + 1, "rows": rows}
        with Path(FED.format(rank=os.environ.get("RANK", "0"))).open("a") as file:
            file.write(json.dumps(line) + "\n")
        return original(self, model, inputs, *others, **named)

    StrictTrainer.training_step = training_step
    return run_module(name, **arguments)


if __name__ == "__main__":
    runpy.run_module = recorded
    main()
