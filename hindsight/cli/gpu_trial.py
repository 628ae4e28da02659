"""`hindsight gpu-trial`: what has never run on a GPU, in at most ten minutes."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveFloat

from hindsight.cli.output import print_table
from tasks.common.settings import state_dir
from tasks.gpu_trial.schema import Size

INCOMPLETE = 1


def gpu_trial(
    *,
    size: Size = "full",
    folder: Path | None = None,
    again: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    seconds: PositiveFloat | None = None,
) -> int:
    """Run on one H100 or H200 what has never run on a GPU, in the order of what it decides.

    Parts that are finished on this device, by this code, are not run again, so that a second call goes on. `trial.json`
    and `trial.html` are written after each part. Exits with 0 if every part finished with all figures in their bounds,
    otherwise with 1.

    Args:
        size: full, for a GPU; small runs every part on a CPU: 33 minutes on two cores with other work.
        folder: Where records, logs and the page are; by default gpu-trial in the state folder.
        again: A part that is run even if it is finished; repeat the option for several.
        seconds: Most that the parts of this call may take together; by default 600, at small size 6,000.
    """
    from tasks.gpu_trial.page import PAGE, summary_row, write_trial
    from tasks.gpu_trial.trial import run_trial

    folder = folder or state_dir() / "gpu-trial"
    for trial in run_trial(size, folder, again, seconds):
        write_trial(trial, folder)
    print_table([summary_row(record) for record in trial.parts])
    print(f"written to {folder / PAGE}")
    return 0 if all(record.passed for record in trial.parts) else INCOMPLETE
