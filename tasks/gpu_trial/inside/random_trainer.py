"""The trainer on a base without weights, which are drawn on the device: `... random_trainer axolotl.yaml`.

A base of 70 GB need not be written, read and moved to measure steps. All else is the trainer's own code.
"""

import runpy
from typing import Any

from tasks.train.trainer.__main__ import main

run_module = runpy.run_module


def with_random_weights(name: str, **arguments: Any) -> Any:
    """Run axolotl, whose `reinit_weights` builds the model from its config: on the device, in the run's number format.

    Axolotl 0.19 builds it in fp32 on the CPU.
    """
    # Not above: the trainer's main function decides first what may be imported.
    import torch
    from axolotl.loaders import ModelLoader
    from transformers import AutoModelForCausalLM

    def build(self: Any, loader: Any = None) -> Any:
        torch.manual_seed(0)
        with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
            return AutoModelForCausalLM.from_config(self.model_config, dtype=self.model_kwargs["torch_dtype"])

    ModelLoader._load_model_from_config = build
    return run_module(name, **arguments)


if __name__ == "__main__":
    runpy.run_module = with_random_weights  # type: ignore[assignment]
    main()
