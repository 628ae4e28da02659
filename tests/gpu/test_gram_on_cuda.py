"""A GPU gives the scores that BLAS gives. Skipped without a GPU."""

import numpy as np
import pytest
import torch

from tasks.premium.gram.devices import Device, Torch, choose_device
from tasks.premium.inference.evaluate import Scheme, score
from tasks.sampling.splitters.disjoint import stock_disjoint
from tests.premium.gram.test_stock_draws import made_panel, scored

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


def test_a_gpu_is_chosen_where_there_is_one():
    assert isinstance(choose_device(), Torch)


@pytest.mark.parametrize("n_columns", [60, 300, 1_200])
def test_stock_draws_on_cuda_are_those_on_the_cpu(n_columns):
    panel = made_panel(n_columns, n_stocks=60)
    _, on_cpu = scored(panel, Device())
    _, on_gpu = scored(panel, Torch("cuda"))
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=0, atol=1e-9)


def test_weighted_splits_on_cuda_are_those_on_the_cpu():
    columns, target, stocks, _ = made_panel(300, n_stocks=60)
    folds = stock_disjoint(stocks, 5)
    weights = np.random.default_rng(0).integers(0, 3, len(target)).astype(float)
    on = [Scheme("on", [[fold] for fold in folds])]
    on_gpu, on_cpu = (
        score(columns, target, on, [weights], penalty=10.0, device=device).r2 for device in (Torch("cuda"), Device())
    )
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=0, atol=1e-9)
    assert np.isfinite(on_gpu).all()
