"""Going on from a state of bitsandbytes' 8-bit moments, which run on a CPU as well."""

import tempfile
from pathlib import Path

import torch
from bitsandbytes.optim import AdamW8bit
from safetensors.torch import load_file
from torch import nn

from tasks.train.trainer.adapter_state import load_optimizer, load_weights, save_optimizer, save_weights


def eight_bit_moments(question: None) -> dict[str, object]:
    """Losses of three steps after a state, going on and started again from it, and the dtype of its moments."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        model, optimizer = _started()
        _losses(model, optimizer, range(3))
        save_weights(model, state)
        save_optimizer(model, optimizer, state)
        whole = _losses(model, optimizer, range(3, 6))
        again, other = _started()
        load_weights(again, state)
        load_optimizer(again, other, state)
        resumed = _losses(again, other, range(3, 6))
        moments = str(load_file(state / "optimizer.safetensors")["0.weight/state1"].dtype)
    same_weights = all(torch.equal(one, two) for one, two in zip(model.parameters(), again.parameters(), strict=True))
    return {"whole": whole, "resumed": resumed, "same weights": same_weights, "moments": moments}


def _started() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    # Parameters below 4,096 numbers keep whole moments.
    model = nn.Sequential(nn.Linear(256, 128), nn.Linear(128, 64))
    return model, AdamW8bit(model.parameters(), lr=1e-3)


def _losses(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> list[float]:
    losses = []
    for step in steps:
        loss = model(torch.randn(8, 256, generator=torch.Generator().manual_seed(step))).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses
