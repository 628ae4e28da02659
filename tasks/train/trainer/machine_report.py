"""What the trainer's environment sees of a machine: `python -m tasks.train.trainer.machine_report MODULE ...`.

Prints one line of JSON, the last of its output: torch's version and CUDA, its GPUs, and why a module that kernels come
from cannot be imported. Only where there is a GPU are modules imported: without one some of them fall back to a CPU.
"""

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any


def report(modules: Sequence[str]) -> dict[str, Any]:
    """Torch, its GPUs, and the modules that cannot be imported.

    Args:
        modules: Tried one by one, where there is a GPU.

    Returns:
        `torch`, `cuda` (None for a CPU build), `gpus` (name and bytes of memory), `problem` (why a GPU cannot be used),
        `broken` (error by module).
    """
    import torch

    gpus, problem = [], ""
    try:
        for index in range(torch.cuda.device_count()):
            found = torch.cuda.get_device_properties(index)
            gpus.append({"name": found.name, "memory_bytes": found.total_memory})
            # A device that is listed may still refuse work: a driver too old, a failed card.
            torch.ones(1, device=f"cuda:{index}").add_(1).item()
        if torch.version.cuda and not gpus:
            # Says why there is none, such as a driver that is too old.
            torch.ones(1, device="cuda")
    except (RuntimeError, AssertionError) as error:
        problem = _first_line(error)
    broken = import_errors(modules) if gpus else {}
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "gpus": gpus, "problem": problem, "broken": broken}


def import_errors(modules: Sequence[str]) -> dict[str, str]:
    """By module that cannot be imported, the error."""
    broken = {}
    for module in modules:
        try:
            import_module(module)
        except Exception as error:  # noqa: BLE001, RUF100 (a compiled module may raise anything)
            broken[module] = f"{type(error).__name__}: {_first_line(error)}"
    return broken


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


if __name__ == "__main__":
    print(json.dumps(report(sys.argv[1:])))
