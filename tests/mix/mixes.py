"""Mixes of panels that are made of random walks."""

from pathlib import Path

import numpy as np
import pandas as pd

from tasks.mix.build import write_mix
from tasks.mix.config import FeaturesSource, FilesSource, MixConfig, PairsSource, ScenariosSource
from tasks.schemas.examples import Mix
from tests.evaluate.panels import made_panel

FEW = (FeaturesSource(n_per_pair=20), ScenariosSource(n_per_pair=10), PairsSource(n_per_pair=5))
"""Of a panel with 36 train days and less."""


def panel_with_closes(**settings: object) -> pd.DataFrame:
    """`made_panel` with closes, of which no feature is made."""
    panel = made_panel(**settings)
    return panel.assign(log_close=np.random.default_rng(1).normal(0, 0.1, len(panel)))


def mix_of(folder: Path, config: MixConfig, panel: pd.DataFrame | None = None) -> tuple[Mix, dict]:
    """Write a mix below a folder."""
    given, made = folder / "panel", folder / "mix"
    for each in (given, made):
        each.mkdir(parents=True, exist_ok=True)
    (panel_with_closes() if panel is None else panel).to_parquet(given / "rows.parquet")
    facts = write_mix(config, {"panel": given}, made)
    return Mix(made), facts


def file_source(*paths: Path, role: str = "sft", **settings: object) -> FilesSource:
    return FilesSource(name="notes", role=role, files=[{"path": str(path)} for path in paths], **settings)
