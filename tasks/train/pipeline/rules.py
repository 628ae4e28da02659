"""Rules that settings must keep, because breaking them fails late or silently; each with the fact behind it."""

from collections.abc import Iterator
from math import erfc, floor, log2, sqrt

from tasks.costs.hardware import POOLS, current_pool
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.errors import TrainError
from tasks.train.pipeline.package_rules import Packages, image_rules, installed_packages, package_rules
from tasks.train.pipeline.rule import Rule

WEIGHT_SPREAD = 0.02
"""Standard deviation of a Qwen3.5's weights, its `initializer_range`."""


class Refused(TrainError):
    """Settings that fail silently or late."""


def check_config(config: TrainConfig) -> None:
    """Check a config in the pool this process runs in, before anything is loaded.

    Raises:
        Refused: With every broken rule's sentence.
        TrainerMissing: If a GPU is used and there is no trainer whose packages could be looked at.
    """
    packages = _packages(config)
    rules = [*check_rules(config, current_pool(), packages), *image_rules(config, packages)]
    if broken := [rule.sentence for rule in rules if not rule.passed]:
        raise Refused(" ".join(broken))


def check_rules(config: TrainConfig, pool: str | None = None, packages: Packages | None = None) -> list[Rule]:
    """Check every rule that applies to this arm.

    Args:
        config: The arm.
        pool: Where it will run; None leaves out what depends on it.
        packages: Versions of the trainer's packages; by default its environment is searched, if a GPU is used.

    Returns:
        The rules, kept or broken.
    """
    arm = config.arm
    rules = _of_lora(arm) if isinstance(arm, LoraArm) else _of_full_weight(arm, config)
    if packages is None:
        packages = _packages(config)
    return [*rules, *package_rules(config, packages), *_gpus(config, pool)]


def _packages(config: TrainConfig) -> Packages:
    return installed_packages() if config.kernels == "fused" else {}


def _of_lora(arm: LoraArm) -> Iterator[Rule]:
    yield Rule(
        name="adapter dropout",
        value=f"arm.dropout={arm.dropout:g}, {len(arm.target_parameters)} target parameters",
        bound="0 with target parameters",
        passed=arm.dropout == 0 or not arm.target_parameters,
        fact="adapters on fused parameters have no input to drop: PEFT 0.20 raises, axolotl 0.19 warns and leaves them "
        "without dropout",
        way_out="Set arm.dropout to 0, or arm.target_parameters to none",
    )
    if arm.cuts_adapted_head:
        yield Rule(
            name="output layer's dropout",
            value=f"arm.dropout={arm.dropout:g}, cut cross entropy and an adapter on lm_head",
            bound="0",
            passed=arm.dropout == 0,
            fact="cut cross entropy multiplies hidden states and weight itself, and never calls the layer that drops",
            way_out="Set arm.dropout to 0, arm.cut_cross_entropy to false, or leave lm_head out of arm.target_modules",
        )


def _of_full_weight(arm: FullWeightArm, config: TrainConfig) -> Iterator[Rule]:
    yield Rule(
        name="gradient accumulation",
        value=f"gradient_accumulation_steps={config.gradient_accumulation_steps}, "
        f"sync_each_batch={str(arm.sync_each_batch).lower()}",
        bound="1, or sync_each_batch",
        passed=config.gradient_accumulation_steps == 1 or arm.sync_each_batch,
        fact="FSDP2 without it keeps whole gradients on every GPU, 2 bytes a parameter, 69 GB for 35 B parameters",
        way_out="Set arm.sync_each_batch to true",
    )
    yield Rule(
        name="optimizer",
        value=config.optimizer,
        bound="one whose moments are DTensors",
        passed="bnb" not in config.optimizer and "8bit" not in config.optimizer,
        fact="bitsandbytes' 8-bit optimizers fail in their first step on FSDP2's sharded weights (bitsandbytes #1633), "
        "though axolotl accepts them",
        way_out="Set optimizer to adamw_torch_fused",
    )
    share = share_that_never_moves(config.learning_rate)
    yield Rule(
        name="master weights",
        value=f"arm.master_weights={arm.master_weights} at precision {config.precision}",
        bound="fp32 or stochastic_rounding at bf16",
        passed=arm.master_weights != "none" or config.precision == "fp32",
        fact=f"at learning rate {config.learning_rate:g} about {share:.0%} of bf16 weights of spread {WEIGHT_SPREAD:g} "
        "never move, because half the gap to their next value is more than a step; measured: 70 % in 500 steps at 2e-5",
        way_out="Set arm.master_weights to fp32 or stochastic_rounding",
    )


def share_that_never_moves(learning_rate: float, spread: float = WEIGHT_SPREAD) -> float:
    """Share of normally distributed bf16 weights that AdamW's steps at this rate leave where they are.

    A step is at most about the learning rate. A weight of magnitude 2^e to 2^(e+1) is 2^(e-7) from its neighbours and
    is rounded back if the step is below half of that: all weights are whose 2^(e-8) exceeds the rate. Simulated over
    500 steps of noise the share is within 1.5 points of this, and higher with a warm-up.

    Args:
        learning_rate: Peak rate.
        spread: Standard deviation of the weights.
    """
    smallest = 2.0 ** (floor(log2(learning_rate)) + 9)
    return erfc(smallest / spread / sqrt(2))


def _gpus(config: TrainConfig, pool: str | None) -> Iterator[Rule]:
    # With plain kernels training runs on the CPU in any pool.
    if pool not in POOLS or config.kernels == "plain":
        return
    n_gpus, n_ranks = POOLS[pool].n_gpus, config.arm.n_ranks
    idle = f"{n_gpus - n_ranks} of {n_gpus} GPUs would be paid and idle"
    yield Rule(
        name="GPUs",
        value=f"{n_ranks} {'rank' if n_ranks == 1 else 'ranks'} of the {config.arm.kind} arm on {pool}",
        bound=f"as many as the pool's GPUs, {n_gpus}",
        passed=n_ranks == n_gpus,
        fact=idle if n_gpus > n_ranks else "two ranks cannot share a GPU: NCCL refuses it",
        way_out=_fitting(config, n_gpus),
    )


def _fitting(config: TrainConfig, n_gpus: int) -> str:
    """Ways to have a GPU for each rank and a rank for each GPU: another number of ranks, or another pool."""
    n_ranks, least = config.arm.n_ranks, 1 if isinstance(config.arm, LoraArm) else 2
    kept = f"gradient_accumulation_steps or micro_batch_size too, so that a step keeps its {config.rows_per_step} rows"
    ways = [f"arm.n_ranks of the training to {n_gpus} ({kept})"] if n_gpus >= least else []
    ways += [f"route.train to {pool.name}" for pool in POOLS.values() if pool.n_gpus == n_ranks]
    if not ways:
        # Every weight on a pool of one GPU, by ranks that no pool has.
        largest = max(POOLS.values(), key=lambda pool: pool.n_gpus)
        ways = [f"route.train to {largest.name} and arm.n_ranks of the training to {largest.n_gpus}"]
    return f"Set {', or '.join(ways)}"
