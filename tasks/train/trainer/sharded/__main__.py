"""One rank, started in a work directory by torch's launcher.

`python -m torch.distributed.run --standalone --nproc-per-node N -m tasks.train.trainer.sharded`
"""

import sys
from pathlib import Path

from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.failure import recording_failure as reason_kept
from tasks.train.trainer.lifeline import tie_to_parent

LEFT_OUT = ("fla", "bitsandbytes", "sklearn")
"""The first has Triton kernels, which fail without a GPU; the others only take seconds of every rank's start."""


def main() -> None:
    """Train what the workplace asks for."""
    # A package that is None cannot be imported, and transformers does without it.
    sys.modules.update(dict.fromkeys(LEFT_OUT))  # type: ignore[arg-type]
    import torch.distributed as dist
    from transformers.utils import logging

    from tasks.train.trainer.sharded.loop import train
    from tasks.train.trainer.sharded.run import assemble, write_versions
    from tasks.train.trainer.sharded.states import adopt

    logging.disable_progress_bar()
    folder = Path()
    dist.init_process_group("gloo")
    if dist.get_rank() == 0:
        write_versions(folder / workplace.VERSIONS)
        adopt(folder / workplace.RESUME, folder)
    dist.barrier()
    train(assemble(folder), folder)
    dist.destroy_process_group()


if __name__ == "__main__":
    tie_to_parent()
    with reason_kept():
        main()
