"""Holds a machine's facts against what its pool promises and what trainings on it need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tasks.costs.hardware import GIB, POOLS, Pool
from tasks.doctor.facts import MachineFacts
from tasks.schemas.artifacts import Check
from tasks.schemas.check_lines import format_bytes, info_line
from tasks.train.config import TrainConfig
from tasks.train.pipeline.package_rules import KERNEL_MODULES, image_rules, package_rules
from tasks.train.pipeline.rule import Rule

NCCL_BYTES = GIB
"""Shared memory for the ranks of a node. Source: NVIDIA's NCCL user guide, troubleshooting, `--shm-size=1g`."""
MEMORY_TOLERANCE = 0.98
"""A card of the same kind reports up to this share of the memory that `tasks.costs.hardware` has for it: drivers differ
in what they keep."""
CUDA_OF_TORCH = "a build for CUDA that can use every GPU"


@dataclass(frozen=True)
class Needs:
    """What a machine is for.

    Args:
        pool: The name of its pool; None for no pool's machine.
        trainings: By name, those that run on it.
        exports: Names of recipes whose stages on it need the export's environment.
    """

    pool: str | None = None
    trainings: Mapping[str, TrainConfig] = field(default_factory=dict)
    exports: tuple[str, ...] = ()

    @property
    def on_gpus(self) -> dict[str, TrainConfig]:
        """Trainings that need a GPU; plain kernels run on a CPU in any pool."""
        return {name: config for name, config in self.trainings.items() if config.kernels == "fused"}

    @property
    def gpus_of(self) -> Pool | None:
        """The pool whose GPUs must be there."""
        pool = POOLS.get(self.pool or "")
        return pool if pool and pool.gpu and self.on_gpus else None


def hardware_checks(facts: MachineFacts, needs: Needs) -> Iterator[Check]:
    """GPUs, torch's build, shared memory; a line each on cores, memory, disk and driver."""
    memory, disk = format_bytes(facts.memory_bytes), format_bytes(facts.disk_free_bytes)
    yield info_line("machine", f"{facts.machine}: {facts.n_cores} cores, {memory} of memory, {disk} of disk free")
    yield info_line("driver", f"NVIDIA {facts.driver}" if facts.driver else "none of NVIDIA")
    yield _trainer(facts)
    yield _gpus(facts, needs.gpus_of)
    yield _torch(facts, needs.gpus_of)
    yield _shared_memory(facts, needs)


def kernel_checks(facts: MachineFacts, needs: Needs) -> Iterator[Check]:
    """By training on a GPU: the rules about packages, and that what its kernels come from can be imported."""
    if facts.trainer.problem and not facts.trainer.packages:
        return  # reported by the check of the trainer's environment
    for name, config in needs.on_gpus.items():
        packages = facts.trainer.packages
        for rule in (*package_rules(config, packages), *image_rules(config, packages)):
            yield rule_check(rule, f"{name}: ")
        if facts.trainer.gpus:
            yield _imports(facts, name, config)


def rule_check(rule: Rule, prefix: str = "") -> Check:
    """A rule of the training's settings as a line."""
    why = f"{rule.fact[0].upper()}{rule.fact[1:]}. {rule.way_out}."
    return Check(name=f"{prefix}{rule.name}", passed=rule.passed, value=rule.value, bound=rule.bound, way_out=why)


def _trainer(facts: MachineFacts) -> Check:
    asked = bool(facts.trainer.torch)
    return Check(
        name="trainer environment",
        passed=asked,
        value="found" if asked else facts.trainer.problem,
        bound="an interpreter that can be run",
    )


def _gpus(facts: MachineFacts, pool: Pool | None) -> Check:
    found = facts.trainer.gpus
    kinds = ", ".join(f"{gpu.name} ({gpu.memory_bytes / GIB:.1f} GiB)" for gpu in found)
    value = f"{len(found)}: {kinds}" if found else "none"
    if pool is None or pool.gpu is None:
        return info_line("GPUs", value)
    enough = [gpu for gpu in found if gpu.memory_bytes >= MEMORY_TOLERANCE * pool.gpu.memory_gib * GIB]
    return Check(
        name="GPUs",
        passed=len(enough) >= pool.n_gpus and len(enough) == len(found),
        value=value,
        bound=f"{pool.n_gpus} of {pool.gpu.memory_gib} GiB, the pool {pool.name}'s",
        way_out="Rent the machine that the pool is named for; a container sees GPUs only if they are passed to it "
        "(`--gpus all`, on Kubernetes the limit `nvidia.com/gpu`), and CUDA_VISIBLE_DEVICES can hide them.",
    )


def _torch(facts: MachineFacts, pool: Pool | None) -> Check:
    trainer = facts.trainer
    build = f"{trainer.torch} built for {f'CUDA {trainer.cuda}' if trainer.cuda else 'CPUs'}"
    value = f"{build}{f'; {trainer.problem}' if trainer.problem else ''}" if trainer.torch else "not found"
    if pool is None:
        return info_line("torch of the trainer", value)
    return Check(
        name="torch of the trainer",
        passed=bool(trainer.cuda) and not trainer.problem,
        value=value,
        bound=CUDA_OF_TORCH,
        way_out="Use the image hindsight-gpu, whose torch is built for CUDA, and a driver of that version or newer.",
    )


def _shared_memory(facts: MachineFacts, needs: Needs) -> Check:
    value = format_bytes(facts.shared_memory_bytes)
    of_ranks = [name for name, config in needs.on_gpus.items() if config.arm.n_ranks > 1]
    if not of_ranks:
        return info_line("shared memory", value)
    return Check(
        name="shared memory",
        passed=facts.shared_memory_bytes >= NCCL_BYTES,
        value=value,
        bound=f"{format_bytes(NCCL_BYTES)}, for the ranks of {', '.join(of_ranks)}",
        way_out="Start the container with `--shm-size=1g` or more; on Kubernetes mount an emptyDir of medium Memory at "
        "/dev/shm.",
    )


def _imports(facts: MachineFacts, name: str, config: TrainConfig) -> Check:
    needed = [module for module, is_needed in KERNEL_MODULES.items() if is_needed(config)]
    broken = {module: facts.trainer.broken[module] for module in needed if module in facts.trainer.broken}
    return Check(
        name=f"{name}: kernels",
        passed=not broken,
        value="; ".join(f"{module}: {error}" for module, error in broken.items()) or "imported",
        bound=f"{', '.join(needed) or 'none'} can be imported",
        way_out="Use the image hindsight-gpu, whose versions fit each other.",
    )
