"""The states of all random generators of a trainer's process, as JSON."""

import json
import random
from pathlib import Path

import numpy as np
import torch


def save_rng(folder: Path, rank: int) -> None:
    """Write one rank's generators to a training state."""
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    states = {
        "python": random.getstate(),
        "numpy": [name, np.asarray(keys).tolist(), int(position), int(has_gauss), float(cached)],
        "torch": _hex(torch.get_rng_state()),
        "cuda": None if cuda is None else _hex(cuda),
    }
    (folder / f"rng-{rank}.json").write_text(json.dumps(states))


def restore_rng(folder: Path, rank: int) -> None:
    """Restore one rank's generators.

    Raises:
        FileNotFoundError: If the state has none of this rank.
    """
    states = json.loads((folder / f"rng-{rank}.json").read_text())
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))
    torch.set_rng_state(_tensor(states["torch"]))
    if states["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(_tensor(states["cuda"]))


def seed_rank(seed: int, rank: int) -> None:
    """Give each rank a generator of its own: ranks that began alike would drop the same of an adapter's inputs.

    Rank 0's stays as it is in a single process.
    """
    if rank > 0:
        torch.manual_seed(seed + rank)


def _hex(state: torch.Tensor) -> str:
    return state.numpy().tobytes().hex()


def _tensor(digits: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(digits), dtype=torch.uint8)
