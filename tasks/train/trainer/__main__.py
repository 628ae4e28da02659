"""The trainer's process: `python -m tasks.train.trainer axolotl.yaml`, in the trainer's environment."""

import os
import runpy
import sys

from tasks.train.trainer import work_files
from tasks.train.trainer.failure import recording_failure
from tasks.train.trainer.lifeline import tie_to_parent


def main() -> None:
    """Run axolotl's training command in this process."""
    tie_to_parent()
    if os.environ.get(work_files.PLAIN_KERNELS) == "1":
        # If flash-linear-attention can be imported, transformers uses its Triton kernels, which fail in the first step
        # without a GPU. A package that is None cannot be imported: PyTorch's own operations are used instead.
        sys.modules["fla"] = None  # type: ignore[assignment]
    with recording_failure():
        runpy.run_module("axolotl.cli.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
