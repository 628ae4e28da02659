"""Facts of machines that tests hold against needs."""

from typing import Any

from tasks.costs.hardware import GIB
from tasks.doctor.facts import GpuFacts, MachineFacts, TrainerFacts
from tasks.train.pipeline.package_rules import CUT_CROSS_ENTROPY, FORK_OF_AXOLOTL, LINEAR_ATTENTION

PACKAGES = {LINEAR_ATTENTION: "0.5.2", CUT_CROSS_ENTROPY: "25.5.2", FORK_OF_AXOLOTL: "25.5.2"}


def gpu_machine(n_gpus: int = 1, gib: float = 79.1, **changed: Any) -> MachineFacts:
    """A machine with cards of one kind, which has everything that the project's recipes need.

    Args:
        n_gpus: Cards.
        gib: Memory of each.
        changed: Fields of TrainerFacts, or of MachineFacts.
    """
    of_trainer = {name: changed.pop(name) for name in set(changed) & set(TrainerFacts.model_fields)}
    gpus = (GpuFacts(name="NVIDIA H100 80GB HBM3", memory_bytes=int(gib * GIB)),) * n_gpus
    found = {"torch": "2.13.0", "cuda": "13.0", "gpus": gpus, "packages": PACKAGES} | of_trainer
    machine = {
        "machine": "gpu-node-7",
        "n_cores": 26,
        "memory_bytes": 200 * GIB,
        "disk_free_bytes": 2_000_000_000_000,
        "shared_memory_bytes": 16 * GIB,
        "driver": "580.95.05",
        "trainer": TrainerFacts(**found),
    }
    return MachineFacts(**machine | changed)
