"""The language models' answers: read and checked, and how far they are answers at all."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import BadForecast
from tasks.schemas.artifacts import Panel
from tasks.schemas.direction import QUOTED, Asked, DirectionScores
from tasks.schemas.examples import Forecasts


def read_forecasts(config: EvaluateConfig, folders: Mapping[str, Path], panel: Panel) -> dict[str, Forecasts]:
    """Each language model's answers, in the config's order.

    Args:
        config: The order.
        folders: Of forecasts, by the model's name.
        panel: What they must have been asked about.

    Raises:
        BadForecast: If a name is not in the order, or forecasts are of another panel.
    """
    if unknown := sorted(set(folders) - set(config.language_models)):
        raise BadForecast(
            f"forecast {unknown[0]!r} is none of evaluate.language_models ({', '.join(config.language_models)}); add "
            "it where it belongs in their order."
        )
    found = {name: Forecasts(folders[name]) for name in config.language_models if name in folders}
    wanted = panel.rows_sha256()
    for name, own in found.items():
        if own.panel_sha256() != wanted:
            raise BadForecast(
                f"forecast {name!r} was asked about a panel whose rows have sha256 {own.panel_sha256()[:12]}, this "
                f"panel's have {wanted[:12]}; forecast this panel, or evaluate on that one."
            )
    return found


def asked_about(forecasts: Forecasts, name: str, scores: DirectionScores) -> Asked:
    """What a language model was asked, and how it answered.

    Args:
        forecasts: Its answers.
        name: Of the model.
        scores: With its figures.
    """
    probability, mass = forecasts.directions(), forecasts.mass()
    is_asked = ~np.isnan(probability)
    n_rows = scores.models[name].splits[QUOTED].n_rows
    return Asked(
        n_rows=n_rows,
        n_not_asked=scores.splits[QUOTED].n_test_rows - scores.n_zero[QUOTED] - n_rows,
        n_outside=int(is_asked.sum()) - n_rows,
        mass=float(mass[is_asked].mean()),
        distance=float(np.abs(probability[is_asked] - 0.5).mean()),
    )
