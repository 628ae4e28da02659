"""Keeping axolotl from merging shards inside the training job.

After its last step axolotl 0.19 merges the newest `checkpoint-*` folder of output_dir on rank 0, in memory and cast to
bf16, while the other GPUs wait at a barrier that ends the job after half an hour. It does not where there is no such
folder, and not where output_dir holds the index of merged weights. Ours has none of the first and the second.

This file runs in the trainer's environment: it imports neither Prefect nor the rooms' configs.
Source: axolotl 0.19, `save_trained_model` in axolotl/train.py.
"""

from pathlib import Path

MARKER = "model.safetensors.index.json"
"""The file whose presence axolotl takes for merged weights."""


def prevent_merge(output: Path) -> None:
    """Leave the file that says the weights are merged already; it is no part of the artifact.

    Args:
        output: Axolotl's output_dir.
    """
    output.mkdir(parents=True, exist_ok=True)
    (output / MARKER).write_text("{}\n")
