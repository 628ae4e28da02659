"""Packed and padded rows compared with their documents alone.

With axolotl's patch, flash-linear-attention's varlen kernels keep packed documents apart; without it they do not.
"""

from typing import Any

import torch

from tasks.gpu_trial.inside.answer import answer
from tasks.gpu_trial.inside.random_model import random_ids, random_model, where

LENGTHS = (70, 3, 129, 54)
"""Tokens of each document: shorter, longer and not a multiple of the kernels' chunk of 64."""


def leak(sizes: dict[str, int], device: str, varlen: bool) -> dict[str, Any]:
    """How far a packed row's outputs are from those of its documents alone.

    Args:
        sizes: Of the architecture.
        device: `cuda` or `cpu`.
        varlen: Whether to apply axolotl's patch for `sample_packing` on a GPU.

    Returns:
        deviation: largest difference of an output; scale: largest output; and the machine.
    """
    if varlen:
        from axolotl.monkeypatch.models.qwen3_5.modeling import patch_qwen3_5_moe_modeling_packing

        patch_qwen3_5_moe_modeling_packing()
    model = random_model(sizes, device, torch.float32).eval()
    documents = [random_ids(sizes, length, seed).to(device) for seed, length in enumerate(LENGTHS)]
    positions = torch.cat([torch.arange(len(document), device=device) for document in documents])
    with torch.inference_mode():
        packed = _outputs(model, torch.cat(documents)[None], positions[None])[0]
        alone = torch.cat([_outputs(model, document[None], _places(document))[0] for document in documents])
    return {"deviation": float((packed - alone).abs().max()), "scale": float(alone.abs().max())} | where(device)


def padding(sizes: dict[str, int], device: str, half: bool) -> dict[str, Any]:
    """How far the last real token's state is, padded on the right, from the same row alone.

    Args:
        sizes: Of the architecture.
        device: `cuda` or `cpu`.
        half: Whether in bf16, or in fp32.
    """
    model = random_model(sizes, device, torch.bfloat16 if half else torch.float32).get_decoder().eval()
    short, long = random_ids(sizes, 45, 1), random_ids(sizes, 131, 2)
    rows = torch.zeros(2, 131, dtype=torch.int64)
    rows[0, :45], rows[1] = short, long
    mask = torch.ones_like(rows)
    mask[0, 45:] = 0
    with torch.inference_mode():
        padded = model(input_ids=rows.to(device), attention_mask=mask.to(device), use_cache=False).last_hidden_state
        alone = model(input_ids=short[None].to(device), use_cache=False).last_hidden_state
    difference = (padded[0, 44] - alone[0, -1]).float().abs().max()
    return {"deviation": float(difference), "scale": float(alone[0, -1].float().abs().max())} | where(device)


def _places(document: torch.Tensor) -> torch.Tensor:
    return torch.arange(len(document), device=document.device)[None]


def _outputs(model: Any, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    outputs: torch.Tensor = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    return outputs


def compare(sizes: dict[str, int], device: str) -> dict[str, Any]:
    """Both comparisons; on a GPU also with axolotl's patch, which stays in this process, and in bf16."""
    found = {"unpatched": leak(sizes, device, varlen=False), "padded_fp32": padding(sizes, device, half=False)}
    if device == "cuda":
        found |= {"padded_bf16": padding(sizes, device, half=True), "varlen": leak(sizes, device, varlen=True)}
    return found


if __name__ == "__main__":
    answer(compare)
