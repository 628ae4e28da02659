"""Models with random weights, built on their device: at Qwen3.5-35B-A3B's sizes 70 GB in bf16."""

from typing import Any

import torch


def architecture(sizes: dict[str, int]) -> Any:
    """The hybrid's config at these sizes."""
    from transformers.models.qwen3_5_moe.configuration_qwen3_5_moe import Qwen3_5MoeTextConfig

    return Qwen3_5MoeTextConfig(**sizes, tie_word_embeddings=False)


def random_model(sizes: dict[str, int], device: str, dtype: torch.dtype) -> Any:
    """Build a causal model on the device, module by module, and draw its weights there."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(architecture(sizes), dtype=dtype)


def random_ids(sizes: dict[str, int], n_tokens: int, seed: int) -> torch.Tensor:
    """(n_tokens,) int64 on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, sizes["vocab_size"], (n_tokens,), generator=generator)


def peak_memory_gib(device: str) -> float:
    """Most memory the device held; on a CPU, this process's."""
    import resource

    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def where(device: str) -> dict[str, str]:
    """Machine and versions that produced the figures."""
    import transformers

    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "flash_linear_attention": str(_is_installed("fla")),
    }


def _is_installed(package: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(package) is not None
    except ValueError:
        # Blocked on purpose: a None among the imported modules.
        return False
