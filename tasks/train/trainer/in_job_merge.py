"""Keeps axolotl from merging shards inside the training job.

After its last step axolotl 0.19 merges the newest `checkpoint-*` folder of output_dir on rank 0, in memory and cast to
bf16, while the other GPUs wait at a barrier that ends the job after half an hour. It skips the merge without such a
folder, and if output_dir has the index of merged weights. Here both hold.
Source: axolotl 0.19, `save_trained_model` in axolotl/train.py.
"""

from pathlib import Path

MARKER = "model.safetensors.index.json"
"""If this file exists, axolotl assumes that the weights are merged."""


def prevent_merge(output: Path) -> None:
    """Write the marker of merged weights; it does not become part of the artifact.

    Args:
        output: Axolotl's output_dir.
    """
    output.mkdir(parents=True, exist_ok=True)
    (output / MARKER).write_text("{}\n")
