"""Rules about packages of the trainer's environment: those that kernels need, and one that must not be there."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping

from packaging.specifiers import SpecifierSet

from tasks.train.config import TrainConfig
from tasks.train.pipeline.launch import trainer_python
from tasks.train.pipeline.rule import Rule

Packages = Mapping[str, str]
"""Version by distribution, of those that are installed."""
LINEAR_ATTENTION = "flash-linear-attention"
CAUSAL_CONV = "causal-conv1d"
CUT_CROSS_ENTROPY = "cut-cross-entropy"
FORK_OF_AXOLOTL = "axolotl's fork of cut-cross-entropy"
"""Of this package; its version is the fork's, where it is the fork that is installed."""
FORK_MARK = ("cut_cross_entropy/transformers/patch.py", "AXOLOTL_CCE_FORK")
"""File and name by which axolotl tells its fork. Source: axolotl/integrations/cut_cross_entropy/__init__.py, 0.19."""
SONICMOE_KERNEL = "kernels-community/sonic-moe"
"""A repository of the hub; its version is `cached` where the trainer has it without a network."""
SONICMOE = {"nvidia-cutlass-dsl": SpecifierSet("==4.6.*"), "apache-tvm-ffi": SpecifierSet(">=0.1.10,<0.2")}
"""What axolotl 0.19 accepts and transformers 5.16 asks for. Source: axolotl/integrations/kernels/plugin.py,
transformers/integrations/sonicmoe.py."""
KERNEL_MODULES: Mapping[str, Callable[[TrainConfig], bool]] = {
    "fla.ops.gated_delta_rule": lambda config: config.packing,
    "torchao.optim": lambda config: getattr(config.arm, "master_weights", "") == "stochastic_rounding",
    "bitsandbytes": lambda config: "8bit" in config.optimizer,
    "axolotl.integrations.kernels.libs.scattermoe_lora": lambda config: config.arm.expert_kernels == "scattermoe",
    "cut_cross_entropy.transformers.patch": lambda config: config.arm.cut_cross_entropy,
}
"""What fused kernels are imported from, and which trainings on a GPU need it."""
PROBE = """
import json, os, pathlib, sys
from importlib.metadata import PackageNotFoundError, distribution
from huggingface_hub.constants import HF_HUB_CACHE
found, (kernel, fork, mark, *names) = {}, sys.argv[1:]
for name in names:
    try:
        found[name] = distribution(name).version
    except PackageNotFoundError:
        continue
    patch = pathlib.Path(distribution(name).locate_file(mark.split(':')[0]))
    if name == 'cut-cross-entropy' and patch.is_file() and mark.split(':')[1] in patch.read_text():
        found[fork] = found[name]
cache = pathlib.Path(os.environ.get("KERNELS_CACHE") or HF_HUB_CACHE)
if (cache / ("kernels--" + kernel.replace("/", "--"))).is_dir():
    found[kernel] = "cached"
print(json.dumps(found))
"""


def installed_packages() -> dict[str, str]:
    """Ask the trainer's interpreter for the packages that rules are about, without importing them.

    Raises:
        TrainerMissing: If there is no trainer's interpreter.
        CalledProcessError: If it cannot say; its environment is not one that `hindsight install-trainer` made.
    """
    names = (LINEAR_ATTENTION, CAUSAL_CONV, CUT_CROSS_ENTROPY, *SONICMOE)
    command = [str(trainer_python()), "-c", PROBE, SONICMOE_KERNEL, FORK_OF_AXOLOTL, ":".join(FORK_MARK), *names]
    found: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def package_rules(config: TrainConfig, packages: Packages) -> Iterator[Rule]:
    """The rules that apply to a config.

    Args:
        config: The arm.
        packages: Of the trainer's environment; not looked at for plain kernels.
    """
    yield _packing(config, packages)
    if config.kernels == "fused":
        yield _causal_conv(packages)
    if config.arm.expert_kernels == "sonicmoe":
        yield _sonicmoe(packages)


def image_rules(config: TrainConfig, packages: Packages) -> Iterator[Rule]:
    """The rules about what only a GPU machine's image has; a machine that trains nothing may lack it.

    Args:
        config: The arm.
        packages: Of the trainer's environment on the machine that trains.
    """
    if config.arm.cut_cross_entropy:
        yield _cut_cross_entropy(packages)


def _cut_cross_entropy(packages: Packages) -> Rule:
    version = packages.get(CUT_CROSS_ENTROPY)
    other = f"{CUT_CROSS_ENTROPY} {version}, not axolotl's fork" if version else f"no {CUT_CROSS_ENTROPY}"
    return Rule(
        name="cut cross entropy",
        value=f"{FORK_OF_AXOLOTL} {version}" if FORK_OF_AXOLOTL in packages else other,
        bound="axolotl's fork, with its patches of transformers",
        passed=FORK_OF_AXOLOTL in packages,
        fact="axolotl 0.19 ends the run before its first step without it",
        way_out="Set arm.cut_cross_entropy to false, or install the fork as infra/images/gpu.Containerfile does",
    )


def _packing(config: TrainConfig, packages: Packages) -> Rule:
    found = "with" if config.kernels == "fused" and LINEAR_ATTENTION in packages else "without"
    return Rule(
        name="packing",
        value=f"rows packed, kernels {config.kernels}, trainer {found} flash-linear-attention"
        if config.packing
        else "one block of a document per row",
        bound="unpacked, or flash-linear-attention",
        passed=not config.packing or found == "with",
        fact="without it a Gated DeltaNet carries one document's state into the next: outputs off by 4.7 on a scale of "
        "3.4, silently in transformers up to 5.16",
        way_out="Set packing to false, or kernels to fused with flash-linear-attention in the trainer's environment",
    )


def _causal_conv(packages: Packages) -> Rule:
    version = packages.get(CAUSAL_CONV)
    return Rule(
        name="convolution",
        value=f"{CAUSAL_CONV} {version} installed" if version else f"no {CAUSAL_CONV}",
        bound="not installed",
        passed=version is None,
        fact="transformers 5.16 puts its kernel in the place of the DeltaNet's convolution once it can be imported, "
        "and takes its own again in silence where the wheel does not fit; packed rows go through "
        "flash-linear-attention's, so that the two are never compared",
        way_out=f"Remove it from the trainer's environment: pip uninstall {CAUSAL_CONV}",
    )


def _sonicmoe(packages: Packages) -> Rule:
    wrong = [
        f"{name} {packages.get(name, 'missing')}"
        for name, accepted in SONICMOE.items()
        if name not in packages or not accepted.contains(packages[name])
    ]
    wrong += [] if SONICMOE_KERNEL in packages else [f"{SONICMOE_KERNEL} not in the trainer's cache"]
    needed = ", ".join(f"{name}{accepted}" for name, accepted in SONICMOE.items())
    return Rule(
        name="SonicMoE",
        value=", ".join(wrong) or "all it needs is there",
        bound=f"{needed} and the kernel {SONICMOE_KERNEL} in the cache",
        passed=not wrong,
        fact="it is fetched from the hub at first use, which the trainer cannot reach; where a package is missing it "
        "ends the run in its first step",
        way_out="Set arm.expert_kernels to scattermoe, or install them in the image of the pool's machines",
    )
