"""From a panel to `results.json`."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.measure import facts_of, measure_direction
from tasks.evaluate.rows import direction_rows
from tasks.schemas.artifacts import Panel


def write_evaluation(config: EvaluateConfig, inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
    """Write the scores.

    Args:
        config: Hold-out, models, thresholds, costs and draws.
        inputs: Folder of `panel`.
        folder: Where `results.json` goes.

    Returns:
        The headline figures.

    Raises:
        EvaluateError, SamplingError: If the panel cannot be evaluated.
    """
    scores = measure_direction(direction_rows(Panel(inputs["panel"]).rows(), config), config)
    (folder / "results.json").write_text(scores.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return facts_of(scores)
