"""Part `patches`: which of the recipe's patches are in the classes of the model that is trained."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.forward.load import device_type
from tasks.gpu_trial.ask import ask
from tasks.gpu_trial.schema import Findings, Size
from tasks.gpu_trial.sizes import write_small_base
from tasks.gpu_trial.training import prepare, step_config
from tasks.schemas.artifacts import Check
from tasks.train.config import TrainConfig
from tasks.train.pipeline.rules import check_config

UNPATCHED = "transformers"
WAY_OUT = (
    "The installed axolotl, transformers and cut-cross-entropy do not fit each other: use the image hindsight-gpu."
)


def patches(size: Size, work: Path) -> Findings:
    """Load a small base by the YAML of the recipe, or by plain settings on a CPU, which patch nothing.

    Raises:
        Refused: If a package is missing that the recipe needs.
    """
    config, base = step_config("small", device_type(), n_steps=2), work / "base"
    check_config(config)
    base.mkdir()
    write_small_base(base)
    prepare(config, base, work / "training")
    found = ask("patches", {}, work / "training", device_type())
    return Findings(figures=found, checks=tuple(patch_checks(found, config)))


def patch_checks(found: Mapping[str, Any], config: TrainConfig) -> Iterator[Check]:
    """A line per class: the package that its forward pass should come from, and does.

    Args:
        found: By `inside.patches.describe`.
        config: The LoRA arm that was loaded.
    """
    expected = expected_origins(config)
    shown = (
        found["origins"] | {"experts": found["experts"]} if config.arm.expert_kernels != "none" else found["origins"]
    )
    for name, package in expected.items():
        yield Check(name=name, passed=shown[name] == package, value=str(shown[name]), bound=package, way_out=WAY_OUT)


def expected_origins(config: TrainConfig) -> dict[str, str]:
    """The package that each class's forward pass should come from; kernels of experts by their own name."""
    packed = "axolotl" if config.packing else UNPATCHED
    fused = config.kernels == "fused" and config.arm.kind == "lora"
    expected = {
        "ForCausalLM": "cut_cross_entropy" if config.arm.cut_cross_entropy else UNPATCHED,
        "ForConditionalGeneration": UNPATCHED,
        "Attention": "axolotl" if fused else UNPATCHED,
        "GatedDeltaNet": packed,
        "DecoderLayer": packed,
    }
    return expected | ({} if config.arm.expert_kernels == "none" else {"experts": config.arm.expert_kernels})
