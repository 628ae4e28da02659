"""A machine is held against its pool and the trainings on it; each lack is a sentence with a way out."""

from collections.abc import Iterable

import pytest

from flows.pipelines.machine_needs import needs_of
from tasks.doctor.facts import MachineFacts
from tasks.doctor.needs import Needs, hardware_checks, kernel_checks
from tasks.schemas.artifacts import Check
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tests.doctor.machines import PACKAGES, gpu_machine

LORA = Needs("h100", {"lora": TrainConfig(arm=LoraArm(cut_cross_entropy=True), packing=True)})
FULL = Needs("h100x8", {"full": TrainConfig(arm=FullWeightArm())})
PLAIN = Needs("h100", {"smoke": TrainConfig(kernels="plain")})


def failed(checks: Iterable[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks if not check.passed}


def test_the_machine_that_a_pool_promises_lacks_nothing() -> None:
    for needs, facts in ((LORA, gpu_machine()), (FULL, gpu_machine(8))):
        assert failed([*hardware_checks(facts, needs), *kernel_checks(facts, needs)]) == {}


@pytest.mark.parametrize(
    ("facts", "lacks", "value"),
    [
        (gpu_machine(0, cuda="13.0"), "GPUs", "none"),
        (gpu_machine(7), "GPUs", "7: NVIDIA H100"),
        (gpu_machine(8, gib=39.4), "GPUs", r"(39.4 GiB)"),
        (gpu_machine(8, torch="2.13.0+cpu", cuda=None), "torch of the trainer", "2.13.0+cpu built for CPUs"),
        (gpu_machine(8, problem="the driver is too old"), "torch of the trainer", "the driver is too old"),
        (gpu_machine(8, torch="", problem="environment x is incomplete"), "trainer environment", "is incomplete"),
        (gpu_machine(8, shared_memory_bytes=64 * 2**20), "shared memory", "67.1 MB"),
    ],
)
def test_what_a_machine_lacks_is_named_with_what_was_found(facts: MachineFacts, lacks: str, value: str) -> None:
    assert value in failed(hardware_checks(facts, FULL))[lacks].value


def test_one_process_needs_no_shared_memory_and_plain_kernels_no_gpu() -> None:
    assert failed(hardware_checks(gpu_machine(shared_memory_bytes=0), LORA)) == {}
    without = gpu_machine(0, torch="2.13.0+cpu", cuda=None, packages={}, driver="")
    assert failed([*hardware_checks(without, PLAIN), *kernel_checks(without, PLAIN)]) == {}


@pytest.mark.parametrize("missing", PACKAGES)
def test_a_kernels_package_that_is_missing_is_named_with_its_training(missing: str) -> None:
    facts = gpu_machine(packages={name: version for name, version in PACKAGES.items() if name != missing})
    refused = failed(kernel_checks(facts, LORA))
    if missing == "cut-cross-entropy":  # the fork's mark alone is looked for
        assert refused == {}
        return
    (check,) = refused.values()
    assert check.name in ("lora: packing", "lora: cut cross entropy")
    assert "Set " in check.way_out


def test_a_kernel_that_cannot_be_imported_matters_to_the_trainings_that_use_it() -> None:
    broken = gpu_machine(broken={"fla.ops.gated_delta_rule": "ImportError: libcuda.so.1", "bitsandbytes": "OSError: x"})
    assert failed(kernel_checks(broken, LORA))["lora: kernels"].value == (
        "fla.ops.gated_delta_rule: ImportError: libcuda.so.1"
    )
    unpacked = Needs("h100", {"lora": TrainConfig(arm=LoraArm())})
    assert failed(kernel_checks(broken, unpacked)) == {}


def test_a_pools_needs_are_those_of_the_recipes_routed_to_it() -> None:
    one, node, cpu, nowhere = (needs_of(pool) for pool in ("h100", "h100x8", "cpu", None))
    assert {"fineweb-2017-26-lora", "smoke", "forex-r1-7b, chat"} <= set(one.trainings)
    assert {"fineweb-2017-26-lora", "forex-r1-7b, chat", "forex-r1-7b, preference"} <= set(one.on_gpus)
    assert "smoke" not in one.on_gpus
    assert "fineweb-2017-26-full-weight" in node.on_gpus
    assert {config.arm.n_ranks for config in node.on_gpus.values()} == {8}
    assert cpu.trainings == {}
    assert "forex-smoke" in cpu.exports
    assert nowhere == Needs()
    assert set(needs_of(None, "smoke").trainings) == {"smoke"}
    assert set(needs_of("h100", "audit-smoke").trainings) == set()
