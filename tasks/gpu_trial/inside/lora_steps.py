"""Optimizer steps of the LoRA arm on random weights by PEFT and transformers alone, without axolotl and its kernels."""

import time
from typing import Any

import torch

from tasks.gpu_trial.inside.answer import answer
from tasks.gpu_trial.inside.random_model import peak_memory_gib, random_ids, random_model, where
from tasks.train.arms import LoraArm
from tasks.train.estimates.targets import peft_config


def lora_steps(sizes: dict[str, int], device: str, n_steps: int, n_passes: int, sequence_length: int) -> dict[str, Any]:
    """Train adapters for some steps; the first, in which kernels are compiled, is not timed.

    Args:
        sizes: Of the architecture.
        device: `cuda` or `cpu`.
        n_steps: Optimizer steps, at least 2.
        n_passes: Rows of each, one per forward pass.
        sequence_length: Tokens of a row.

    Returns:
        losses by step, tokens_per_second, peak_memory_gib, n_parameters, n_trainable, and the machine.
    """
    model, n_parameters = _adapted(sizes, device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-5, weight_decay=0.0, fused=device == "cuda")
    losses, seconds = [], []
    for step in range(n_steps):
        started = time.perf_counter()
        losses.append(_step(model, optimizer, [_row(sizes, sequence_length, step, p, device) for p in range(n_passes)]))
        # Reading the loss has waited for the device.
        seconds.append(time.perf_counter() - started)
    return {
        "losses": losses,
        "tokens_per_second": (n_steps - 1) * n_passes * sequence_length / sum(seconds[1:]),
        "peak_memory_gib": peak_memory_gib(device),
        "n_parameters": n_parameters,
        "n_trainable": sum(parameter.numel() for parameter in trained),
    } | where(device)


def _adapted(sizes: dict[str, int], device: str) -> tuple[Any, int]:
    from peft import get_peft_model

    base = random_model(sizes, device, torch.bfloat16 if device == "cuda" else torch.float32)
    n_parameters = sum(parameter.numel() for parameter in base.parameters())
    base.gradient_checkpointing_enable({"use_reentrant": False})
    with torch.device(device):
        # Adapters in the base's format: 8 bytes of weight, gradient and moments for each, as the memory model counts.
        return get_peft_model(base, peft_config(LoraArm()), autocast_adapter_dtype=False).train(), n_parameters


def _row(sizes: dict[str, int], sequence_length: int, step: int, index: int, device: str) -> torch.Tensor:
    return random_ids(sizes, sequence_length, seed=1_000 * step + index)[None].to(device)


def _step(model: Any, optimizer: torch.optim.Optimizer, rows: list[torch.Tensor]) -> float:
    optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), device=rows[0].device)
    for row in rows:
        loss = model(input_ids=row, labels=row, use_cache=False).loss / len(rows)
        loss.backward()
        total += loss.detach()
    optimizer.step()
    return float(total)


if __name__ == "__main__":
    answer(lora_steps)
