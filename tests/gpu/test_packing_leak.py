"""A packed row gives what its documents give alone, with the fast kernels; without them it does not.

The first has not run yet: this project's machines had no GPU.
"""

from pathlib import Path

import pytest

from tests.gpu.figures import needs_gpu, run_in_trainer, save_figures
from tests.gpu.kernels import leak
from tests.gpu.random_model import SMALL_SIZE

ROUNDING = 5e-3
"""Largest difference, relative to the largest output, that other orders of fp32 sums may make; Triton's products are in
TF32, with 10 bits."""


def test_without_the_varlen_kernels_one_document_leaks_into_the_next() -> None:
    # The control, and why packing wants them: the same rows, PyTorch's own operations.
    figures = leak(SMALL_SIZE, "cpu", varlen=False)
    assert figures["deviation"] > 5 * ROUNDING * figures["scale"]


@needs_gpu
@pytest.mark.trainer
def test_with_the_varlen_kernels_nothing_leaks(tmp_path: Path) -> None:
    arguments = {"question": "leak", "sizes": SMALL_SIZE, "device": "cuda", "varlen": True}
    figures = run_in_trainer("tests.gpu.kernels", arguments, tmp_path)
    save_figures("packing-leak", figures)
    assert figures["deviation"] < ROUNDING * figures["scale"]
