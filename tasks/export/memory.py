"""The memory that an export takes."""

from tasks.export.config import ExportConfig
from tasks.gguf.convert import BYTES_PER_VALUE

FP32 = 4
"""Bytes per parameter of the model in transformers."""


def memory_bytes(config: ExportConfig, n_parameters: int) -> int:
    """Memory of the machine that an export needs for weights: the model in fp32, and the larger file in the engine.

    The engine maps the file, and reads all of it for each token. Activations and Python come on top.

    Args:
        config: Whether predictions are compared: without that the model in transformers is not loaded.
        n_parameters: Of the model.
    """
    if not config.gate_parity:
        return int(n_parameters * BYTES_PER_VALUE["q8_0"])
    return int(n_parameters * (FP32 + BYTES_PER_VALUE["f16"]))
