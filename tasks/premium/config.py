"""How the premium is measured."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field

from tasks.settings import Config
from tasks.store.refs import ArtifactRef, Room


class PremiumConfig(Config):
    """Contract, cut and draws of the leakage premium."""

    contract: Literal["seed"] = "seed"
    """`seed`: stock-disjoint folds against one chronological split, as in the reference runs."""
    train_until: date = date(2020, 12, 31)
    """Last day of the chronological train side; every later day is test."""
    n_draws: int = Field(200, ge=10)
    """Bootstrap draws of whole stocks, the same draws for both models."""
    seed: int = Field(123, ge=0, le=2**32 - 1)
    """Seed of the draws."""
    alpha: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Ridge penalty on unscaled columns; the intercept is free."""
    n_folds: int = Field(5, ge=2)
    """Stock-disjoint folds; a draw with fewer distinct stocks is dropped and counted."""


def premium_label(config: PremiumConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: the contract and the model that was trained."""
    return f"{config.contract}-{inputs['trained'].label}"[:121]


REVISION = 1
"""Raised when the same input would give other bytes."""
ROOM = Room(kind="premium", revision=REVISION, label=premium_label)
