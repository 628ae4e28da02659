"""Compare every value of a GGUF file with the safetensors it was made from.

The converter's own module says which tensor becomes which, for it permutes and joins some; what it yields in fp32,
straight from the safetensors, is held against the file's values. No file written by the converter is the measure.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tasks.gguf.inside.llama_cpp import model_class, use_converter

Q8_BLOCK = 32
Q8_RELATIVE = 0.0045
"""Largest error of Q8_0 as a fraction of a block's largest value: half a step of 1/127, and the scale's rounding to
fp16, 2**-11 of 127 steps."""
F16_RELATIVE = 2.0**-11
ABSOLUTE = {"Q8_0": 127 * 2.0**-25, "F16": 2.0**-25}
"""Where fp16 has no normal numbers."""


class Comparison:
    """Takes the converter's tensors in the place of its writer."""

    def __init__(self, file: str) -> None:
        import gguf

        self.gguf = gguf
        self.tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors}
        self.types: Counter[str] = Counter()
        self.problems: list[str] = []
        self.worst, self.worst_name = 0.0, ""

    def add_tensor(self, name: str, data: Any, **_: Any) -> None:
        """Compare one tensor; values are compared in units of the largest error its type may have."""
        wanted = np.ascontiguousarray(self.gguf.LazyNumpyTensor.to_eager(data), dtype=np.float32)
        tensor = self.tensors.pop(name, None)
        if tensor is None:
            self.problems.append(f"{name} is missing, or twice in the model")
            return
        self.types[tensor.tensor_type.name] += 1
        shape = tuple(int(n) for n in reversed(tensor.shape))
        if shape != wanted.shape:
            self.problems.append(f"{name} has shape {shape}, the model's has {wanted.shape}")
            return
        found = self.gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(wanted.shape)
        error = largest_error(found, wanted, tensor.tensor_type.name)
        # NaN too.
        if not error <= 1:
            self.problems.append(f"{name} differs by {error:.3g} times the largest error of its type")
        if not error <= self.worst:
            self.worst, self.worst_name = error, name


def largest_error(found: np.ndarray, wanted: np.ndarray, kind: str) -> float:
    """Largest difference in units of what rounding to a type may cause; of fp32 any difference is infinite."""
    if kind == "F32":
        return 0.0 if np.array_equal(found, wanted) else float("inf")
    size = np.abs(wanted)
    if kind == "Q8_0":
        size = size.reshape(-1, Q8_BLOCK).max(1, keepdims=True)
        found, wanted = found.reshape(-1, Q8_BLOCK), wanted.reshape(-1, Q8_BLOCK)
    elif kind != "F16":
        return float("inf")
    relative = Q8_RELATIVE if kind == "Q8_0" else F16_RELATIVE
    return float((np.abs(found - wanted) / (relative * size + ABSOLUTE[kind])).max())


def main(model: str, file: str) -> dict[str, Any]:
    """Compare a file with a folder of safetensors.

    Args:
        model: Folder with config and safetensors.
        file: The GGUF file.

    Returns:
        problems, types (tensors by type), worst (largest error in units of its bound) and worst_name.
    """
    use_converter()
    import gguf
    import torch

    comparison = Comparison(file)
    with torch.inference_mode():
        # Not lazy: one tensor is in memory at a time.
        source = model_class(Path(model))(Path(model), gguf.LlamaFileType.ALL_F32, Path(file), eager=True)
        source.gguf_writer.add_tensor = comparison.add_tensor
        source.prepare_tensors()
    extra = [f"{name} is not the model's" for name in comparison.tensors]
    return {
        "problems": comparison.problems + extra,
        "types": dict(sorted(comparison.types.items())),
        "worst": comparison.worst,
        "worst_name": comparison.worst_name,
    }
