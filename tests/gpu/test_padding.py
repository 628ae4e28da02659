"""Padding on the right leaves the last real token's state as it is, with plain kernels and with fast ones.

The second has not run yet: this project's machines had no GPU.
"""

from pathlib import Path

import pytest

from tests.gpu.figures import needs_gpu, run_in_trainer, save_figures
from tests.gpu.kernels import padding
from tests.gpu.random_model import SMALL_SIZE

ROUNDING = {"fp32": 1e-3, "bf16": 3e-2}
"""Largest difference relative to the largest value: bf16 has 8 bits, and 4 layers add their errors up."""


def test_padding_does_not_reach_the_last_token_with_plain_kernels() -> None:
    figures = padding(SMALL_SIZE, "cpu", half=False)
    assert figures["deviation"] < 1e-5 * figures["scale"]


@needs_gpu
@pytest.mark.trainer
@pytest.mark.parametrize("precision", ROUNDING)
def test_padding_does_not_reach_the_last_token_with_fast_kernels(precision: str, tmp_path: Path) -> None:
    arguments = {"question": "padding", "sizes": SMALL_SIZE, "device": "cuda", "half": precision == "bf16"}
    figures = run_in_trainer("tests.gpu.kernels", arguments, tmp_path)
    save_figures(f"padding-{precision}", figures)
    assert figures["deviation"] < ROUNDING[precision] * figures["scale"]
