"""Part `merge`: a merged model's logits on the device are those of base and adapter."""

from pathlib import Path
from typing import Any

from tasks.forward.load import device_type
from tasks.gpu_trial.schema import Findings, Size
from tasks.gpu_trial.sizes import write_small_base
from tasks.merge.config import MergeConfig
from tasks.merge.write import write_merge
from tasks.schemas.artifacts import Check, Checkpoint, ModelFolder


def merge(size: Size, work: Path) -> Findings:
    """Merge an adapter on every default target into a small base; the merge itself refuses what differs.

    Raises:
        MergeDiffers: If the merged model's logits are others.
    """
    base, checkpoint, merged = work / "base", work / "train", work / "merged"
    base.mkdir()
    write_small_base(base)
    write_random_adapter(base, checkpoint, scale=0.05)
    facts = write_merge(
        MergeConfig(dtype="fp32"), ModelFolder(base), Checkpoint(checkpoint), "trial", merged, work / "parts"
    )
    names = ("moved", "difference", "noise", "of_peft", "tolerance", "n_adapters")
    figures: dict[str, Any] = {name: facts[name] for name in names}
    check = Check(
        name="logits",
        passed=True,
        value=f"{figures['difference']:.2g} from the trained model's, which training moved by {figures['moved']:.2g}",
        bound=f"rounding, {figures['noise']:.2g}, or {figures['tolerance']:.0%} of what training moved",
    )
    return Findings(figures=figures | {"device": device_type()}, checks=(check,))


def write_random_adapter(base: Path, folder: Path, scale: float) -> None:
    """Write an adapter of rank 4 on every default target; factors that start at zero get this standard deviation."""
    import torch
    from peft import get_peft_model

    from tasks.merge.logit_check import load_model
    from tasks.train.arms import LoraArm
    from tasks.train.estimates.targets import peft_config

    model = get_peft_model(load_model(base).cpu(), peft_config(LoraArm(rank=4)))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, factor in model.named_parameters():
            if "lora_" in name and not factor.any():
                factor.copy_(torch.randn(factor.shape, generator=generator) * scale)
    model.save_pretrained(folder / "adapter", save_embedding_layers=False)
