"""The trial at full size, on one GPU of 80 GB or more. It has not run yet: this project's machines had no GPU."""

import pytest
import torch

from tasks.common.settings import project_root
from tasks.gpu_trial.page import write_trial
from tasks.gpu_trial.trial import run_trial


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_every_part_is_within_its_bounds() -> None:
    # Not in the test's own state folder, which is removed: the figures belong into docs/benchmarks.md.
    folder = project_root() / ".hindsight" / "gpu-trial"
    for trial in run_trial("full", folder):
        write_trial(trial, folder)
    assert {record.name: record.error or record.checks for record in trial.parts if not record.passed} == {}
