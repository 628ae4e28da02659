"""The memory asked for is that of a model in fp32 beside its f16 file, or of the Q8_0 file alone."""

from tasks.export.config import ExportConfig
from tasks.export.memory import memory_bytes


def test_a_model_of_eight_billion_parameters_needs_48_gb() -> None:
    assert memory_bytes(ExportConfig(), 8_000_000_000) == 48_000_000_000
    assert memory_bytes(ExportConfig(gate_parity=False), 8_000_000_000) == 8_500_000_000
