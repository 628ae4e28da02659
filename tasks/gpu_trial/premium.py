"""Part `premium`: the measure's arithmetic on the device and by BLAS, on the same draws and splits."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from tasks.forward.load import device_type
from tasks.gpu_trial.schema import Findings, Size
from tasks.premium.gram.devices import Device, Torch, choose_device
from tasks.premium.gram.stock_draws import StockGrams
from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.reference.draws import StockDraws
from tasks.sampling.splitters.disjoint import stock_disjoint
from tasks.schemas.artifacts import Check

N_COLUMNS: dict[Size, tuple[int, ...]] = {"small": (60, 300), "full": (60, 300, 2_053)}
N_STOCKS: dict[Size, int] = {"small": 12, "full": 200}
N_DRAWS = 4
TOLERANCE = 1e-9
Panel = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""(n_rows, n_columns) columns; target, stock and whether to train on it, of each row."""


def premium(size: Size, work: Path) -> Findings:
    """Score stock draws and weighted splits twice; 2,053 columns are those of Qwen3.5-35B-A3B's states and features."""
    device = Torch(device_type())
    figures: dict[str, Any] = {}
    for n_columns in N_COLUMNS[size]:
        panel = made_panel(n_columns, N_STOCKS[size])
        for what, scores in (("draws", draw_scores), ("splits", split_scores)):
            ours, seconds = _timed(scores, panel, device)
            theirs, blas_seconds = _timed(scores, panel, Device())
            figures[f"{what}_{n_columns}"] = {
                "difference": float(np.abs(ours - theirs).max()),
                "seconds": seconds,
                "blas_seconds": blas_seconds,
            }
    chosen = type(choose_device()).__name__
    on_gpu = device_type() == "cuda"
    checks = [_close(name, figures[name]["difference"]) for name in figures]
    checks.append(
        Check(name="device", passed=chosen == ("Torch" if on_gpu else "Device"), value=chosen, bound="the GPU, if any")
    )
    return Findings(figures=figures | {"device": device_type()}, checks=tuple(checks))


def made_panel(n_columns: int, n_stocks: int = 12, seed: int = 0) -> Panel:
    """Stocks of uneven length, columns far from zero, a target with something to find. Rows in no order."""
    rng = np.random.default_rng(seed)
    stocks = rng.permutation(np.repeat(np.arange(n_stocks), rng.integers(8, 40, n_stocks)))
    columns = rng.normal(size=(len(stocks), n_columns)) + 10 * rng.normal(size=n_columns)
    target = 0.02 * (columns[:, 0] - columns[:, 0].mean() + rng.normal(size=len(stocks)))
    return columns, target, stocks, rng.random(len(stocks)) < 0.7


def draw_scores(panel: Panel, device: Device) -> np.ndarray:
    """(n_kept, n_folds + 1) R2 of stock draws."""
    columns, target, stocks, is_train = panel
    draws = StockDraws(stocks, is_train, target, N_DRAWS, 5, 3)
    grams, drawn = StockGrams(columns, target, stocks, is_train, device, 1.0), draws.take(0, len(draws.kept))
    return np.column_stack([grams.score_on(drawn)[0], grams.score_off(drawn)[0]])


def split_scores(panel: Panel, device: Device) -> np.ndarray:
    """R2 of weighted rows on stock-disjoint folds, with a second penalty."""
    columns, target, stocks, _ = panel
    schemes = [Scheme("on", [[fold] for fold in stock_disjoint(stocks, 5)])]
    weights = np.random.default_rng(0).integers(0, 3, len(target)).astype(float)
    return score(columns, target, schemes, [weights], penalty=10.0, device=device).r2


def _timed(scores: Any, panel: Panel, device: Device) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    found = scores(panel, device)
    return found, time.perf_counter() - started


def _close(name: str, difference: float) -> Check:
    return Check(
        name=name.replace("_", " of ") + " columns",
        passed=difference <= TOLERANCE,
        value=f"{difference:.1e}",
        bound=f"R2 within {TOLERANCE:g} of BLAS",
        way_out="Run premium on the cpu pool: its figures on this GPU are others.",
    )
