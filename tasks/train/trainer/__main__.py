"""The trainer's process: `python -m tasks.train.trainer axolotl.yaml`, in the trainer's environment."""

import gc
import os
import runpy
import sys

from tasks.common.lifeline import tie_to_parent
from tasks.train.trainer import cpu_fsdp, work_files
from tasks.train.trainer.failure import recording_failure

NOT_IMPORTED = ("fla", "causal_conv1d", "sklearn")
"""If flash-linear-attention or causal-conv1d can be imported, transformers uses their kernels, which fail in the first
step without a GPU. Importing scikit-learn takes a second in every rank, for evaluation that is not used."""


def main() -> None:
    """Run axolotl's training command in this process."""
    tie_to_parent()
    # Workers that load rows are forked, and a fork is tied to nothing: one whose queue is full would wait for a killed
    # trainer for ever.
    os.register_at_fork(after_in_child=tie_to_parent)
    # Garbage collections take a fifth of the time of importing axolotl. The plugin enables them before it loads the
    # model.
    gc.disable()
    if os.environ.get(work_files.PLAIN_KERNELS) == "1":
        # A package that is None cannot be imported, and transformers does without it.
        sys.modules.update(dict.fromkeys(NOT_IMPORTED))  # type: ignore[arg-type]
        if cpu_fsdp.is_one_of_several_ranks():
            cpu_fsdp.hide_gpus()
    with recording_failure():
        runpy.run_module("axolotl.cli.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
