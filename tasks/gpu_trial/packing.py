"""Part `packing`: packed and padded rows give what their documents give alone, with the fused kernels."""

from pathlib import Path
from typing import Any

from tasks.forward.load import device_type
from tasks.gpu_trial.ask import ask
from tasks.gpu_trial.schema import Findings, Size
from tasks.gpu_trial.sizes import SMALL
from tasks.schemas.artifacts import Check

ROUNDING = {"fp32": 5e-3, "bf16": 3e-2}
"""Largest difference, relative to the largest output, that other orders of sums may make: Triton's products of fp32 are
in TF32, with 10 bits; bf16 has 8."""


def packing(size: Size, work: Path) -> Findings:
    """Compare rows with their documents; at both sizes with the small model, as it is about bits."""
    device = device_type()
    found = ask("packed_rows", {"sizes": SMALL, "device": device}, work, device)
    checks = [_leaks(found["unpatched"]), _same("padding in fp32", found["padded_fp32"], "fp32")]
    if device == "cuda":
        checks += [_same("packing", found["varlen"], "fp32"), _same("padding in bf16", found["padded_bf16"], "bf16")]
    return Findings(figures=found, checks=tuple(checks))


def _same(name: str, found: dict[str, Any], precision: str) -> Check:
    share, bound = found["deviation"] / found["scale"], ROUNDING[precision]
    return Check(
        name=name,
        passed=share <= bound,
        value=f"{share:.2g} of the largest output",
        bound=f"at most {bound:g}",
        way_out="Set packing to false: documents leak into one another."
        if name == "packing"
        else "Do not embed in batches with these kernels.",
    )


def _leaks(found: dict[str, Any]) -> Check:
    # The control: if nothing leaks here, the comparison cannot see a leak.
    share, bound = found["deviation"] / found["scale"], 5 * ROUNDING["fp32"]
    return Check(
        name="control without the varlen kernels",
        passed=share > bound,
        value=f"{share:.2g} of the largest output",
        bound=f"more than {bound:g}: it leaks",
        way_out="The comparison cannot see a leak; lengthen its documents.",
    )
