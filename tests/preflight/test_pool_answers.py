"""Preflight speaks of the machine that trains as far as that one has answered the doctor, and says where it has not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.common.settings import project_root
from tasks.doctor.diagnosis import Diagnosis, publish
from tasks.preflight.checks import _training
from tasks.preflight.checks.machine import rented_disk_bytes
from tasks.preflight.checks.pools import machine_lines
from tasks.preflight.planned_run import PlannedRun
from tasks.recipe import load_recipe
from tasks.schemas.artifacts import Check
from tasks.store.store import Store
from tests.architectures import qwen_35b
from tests.doctor.machines import PACKAGES, gpu_machine

FULL_WEIGHT = load_recipe(project_root() / "configs" / "fineweb-2017-26-full-weight.yaml")


@pytest.fixture(scope="module")
def run() -> PlannedRun:
    return PlannedRun.of(FULL_WEIGHT, qwen_35b(), 30_000)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"), tmp_path / "cache")


def answered(store: Store, hours_ago: float = 1, **facts: Any) -> None:
    asked_at = datetime.now(UTC) - timedelta(hours=hours_ago)
    publish(Diagnosis(pool="h100x8", asked_at=asked_at, facts=gpu_machine(8, **facts), checks=()), store.objects)


def lines(run: PlannedRun, store: Store, **options: bool) -> dict[str, Check]:
    return {check.name: check for check in _training(run, store, **options)}


def failed(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if not check.passed]


def test_a_machine_that_was_never_asked_is_a_line_and_refuses_nothing(run: PlannedRun, store: Store) -> None:
    found = lines(run, store)
    assert failed(found) == []
    assert found["machine of h100x8"].value.startswith("never asked, so its GPUs, kernels, disk")
    assert "cut cross entropy" not in found
    assert not [name for name in found if name.startswith("h100x8: ")]


def test_a_machine_that_has_what_the_training_needs_passes_by_its_own_answer(run: PlannedRun, store: Store) -> None:
    answered(store)
    found = lines(run, store)
    assert failed(found) == []
    assert found["machine of h100x8"].value == "gpu-node-7 was asked 1.0 h ago"
    assert {"h100x8: GPUs", "h100x8: disk", "h100x8: shared memory", "cut cross entropy"} <= set(found)


def test_an_answer_older_than_the_limit_is_a_line_and_refuses_nothing(run: PlannedRun, store: Store) -> None:
    answered(store, hours_ago=25, packages={})
    found = lines(run, store)
    assert failed(found) == []
    assert "longer than limits.doctor_hours = 24 allows" in found["machine of h100x8"].value


def test_an_image_without_the_kernels_that_the_recipe_asks_for_is_refused(run: PlannedRun, store: Store) -> None:
    answered(store, packages={name: version for name, version in PACKAGES.items() if "fork" not in name})
    found = lines(run, store)
    assert failed(found) == ["cut cross entropy"]
    assert found["cut cross entropy"].value == "cut-cross-entropy 25.5.2, not axolotl's fork"
    answered(store, packages=PACKAGES | {"causal-conv1d": "1.6.0"})
    assert failed(lines(run, store)) == ["convolution"]


def test_a_disk_that_is_too_small_is_refused_until_the_training_itself_fills_it(run: PlannedRun, store: Store) -> None:
    needed = rented_disk_bytes(run)
    answered(store, disk_free_bytes=needed)
    assert failed(lines(run, store)) == []
    answered(store, disk_free_bytes=needed - 1)
    assert failed(lines(run, store)) == ["h100x8: disk"]
    assert failed(lines(run, store, with_disk_space=False)) == []


def test_plain_kernels_ask_no_pools_machine(store: Store, run: PlannedRun) -> None:
    answered(store, packages={}, torch="2.13.0+cpu", cuda=None)
    plain = FULL_WEIGHT.train.model_copy(update={"kernels": "plain", "packing": False})
    unfused = PlannedRun.of(FULL_WEIGHT.model_copy(update={"train": plain}), qwen_35b(), 30_000)
    assert not [name for name in lines(unfused, store) if "h100x8" in name]


def test_pools_where_nothing_is_trained_are_lines(store: Store) -> None:
    answered(store)
    found = list(machine_lines(store, ("cpu", "h100", "h100x8", "h100"), 24))
    assert [(check.name, check.passed) for check in found] == [("machine of h100", True), ("machine of h100x8", True)]
