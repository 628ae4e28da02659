"""Part `resume`: a training that goes on from a state ends in the bytes of one that was not interrupted."""

import shutil
from pathlib import Path
from typing import Any

from tasks.forward.load import device_type
from tasks.gpu_trial.schema import Findings, Size, limit_of
from tasks.gpu_trial.sizes import write_small_base
from tasks.gpu_trial.training import prepare, step_config, train
from tasks.schemas.artifacts import Check
from tasks.train.errors import TrainingFailed
from tasks.train.pipeline.outputs import OF_THE_RUN
from tasks.train.trainer import work_files
from tasks.train.trainer.state_files import complete_states

N_STEPS = 4
TRAINING_SECONDS = 60
ADAPTER = Path(work_files.OUTPUT) / "adapter_model.safetensors"


def resume(size: Size, work: Path) -> Findings:
    """Train with the kernels of the recipe, then once more from the state after the first step.

    Where the two differ, a third one without an interruption says whether the kernels themselves repeat their bits.

    Raises:
        TrainingFailed: If a training does not end, or left no state.
    """
    base = work / "base"
    base.mkdir()
    write_small_base(base)
    whole = _trained(size, base, work / "whole")
    resumed = _trained(size, base, work / "resumed", complete_states(work / "whole" / work_files.STATES)[0])
    same = (work / "whole" / ADAPTER).read_bytes() == (work / "resumed" / ADAPTER).read_bytes() and whole == resumed
    figures: dict[str, Any] = {"metrics": whole, "metrics_resumed": resumed, "same_bits": same}
    if not same:
        again = _trained(size, base, work / "again")
        repeats = (work / "whole" / ADAPTER).read_bytes() == (work / "again" / ADAPTER).read_bytes() and whole == again
        figures |= {"metrics_again": again, "same_bits_without_interruption": repeats}
    return Findings(figures=figures, checks=(_check(figures),))


def _trained(size: Size, base: Path, work: Path, state: Path | None = None) -> list[dict[str, Any]]:
    """The metrics of a training, without time and memory."""
    config = step_config("small", device_type(), N_STEPS)
    rows = prepare(config, base, work, keeps_states=state is None)
    if state:
        (work / work_files.RESUME).symlink_to(state.absolute(), target_is_directory=True)
        shutil.copyfile(state / work_files.METRICS, work / work_files.METRICS)
    metrics, problem = train(config, work, rows.n_steps, limit_of(size, TRAINING_SECONDS))
    if problem or len(metrics) != rows.n_steps:
        raise TrainingFailed(problem or f"the trainer ended after {len(metrics)} of {rows.n_steps} steps")
    return [{key: line[key] for key in line if key not in OF_THE_RUN} for line in metrics]


def _check(figures: dict[str, Any]) -> Check:
    found = "the same adapter and metrics, to the bit"
    if not figures["same_bits"]:
        found = "other bits; without an interruption " + (
            "the same" if figures["same_bits_without_interruption"] else "other bits too: kernels do not repeat theirs"
        )
    return Check(
        name="resumed after the first step",
        passed=figures["same_bits"],
        value=found,
        bound="the same bits",
        way_out="If the kernels do not repeat their bits, state in docs/training.md what resuming promises on a GPU; "
        "otherwise the state lacks something.",
    )
