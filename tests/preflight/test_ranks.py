"""Adapters on one GPU and on eight: what a release's trainings need, and a route with another number of GPUs."""

import pytest

from flows.pipelines.registry import load
from tasks.adapter_release import AdapterRelease
from tasks.common.settings import project_root
from tasks.preflight.checks.training import training_checks
from tasks.preflight.planned_run import PlannedTraining
from tasks.schemas.artifacts import Check
from tasks.train.pipeline.launch import trainer_python
from tests.architectures import r1_7b

ON = {"h100": "forex-r1-7b", "h100x8": "forex-r1-7b-8gpu"}

pytestmark = pytest.mark.trainer


def checked(name: str, training: str, pool: str) -> dict[str, Check]:
    assert trainer_python()
    release = load(project_root() / "configs" / f"{name}.yaml")
    assert isinstance(release, AdapterRelease)
    planned = PlannedTraining.of(release.training(training), pool, r1_7b(), n_rows=15_000)  # type: ignore[arg-type]
    return {check.name: check for check in training_checks(planned)}


@pytest.mark.parametrize("training", ["sft", "dpo"])
@pytest.mark.parametrize("pool", ["h100", "h100x8"])
def test_the_7b_fits_one_gpu_and_each_of_eight_and_no_other_route(pool: str, training: str) -> None:
    name, other = ON[pool], next(found for found in ON if found != pool)
    own = checked(name, training, pool)
    assert [check.name for check in own.values() if not check.passed] == []
    assert "base 14.2" in own["memory per GPU"].value
    wrong = checked(name, training, other)
    assert [check.name for check in wrong.values() if not check.passed] == ["GPUs"]
    assert f"or route.train to {pool}" in wrong["GPUs"].way_out
    assert f"Set arm.n_ranks of the training to {8 if other == 'h100x8' else 1} (" in wrong["GPUs"].way_out
    assert "so that a step keeps its 16 rows" in wrong["GPUs"].way_out
