"""From a panel, and the answers of language models, to `results.json`."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.knowledge import knowledge_scores
from tasks.evaluate.language_models import asked_about, read_forecasts
from tasks.evaluate.measure import facts_of, measure_direction
from tasks.evaluate.rows import direction_rows
from tasks.schemas.artifacts import Panel


def write_evaluation(config: EvaluateConfig, inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
    """Write the scores.

    Args:
        config: Hold-out, models, thresholds, costs and draws.
        inputs: Folders of `panel` and of each language model's forecasts, by the model's name.
        folder: Where `results.json` goes.

    Returns:
        The headline figures.

    Raises:
        EvaluateError, SamplingError: If the panel or a forecast cannot be evaluated.
    """
    panel = Panel(inputs["panel"])
    folders = {name: path for name, path in inputs.items() if name != "panel"}
    forecasts = read_forecasts(config, folders, panel)
    brought = {name: own.directions() for name, own in forecasts.items()}
    scores = measure_direction(direction_rows(panel.rows(), config, brought), config)
    scores = scores.model_copy(
        update={
            "asked": {name: asked_about(own, name, scores) for name, own in forecasts.items()},
            "knowledge": knowledge_scores({name: own.knowledge() for name, own in forecasts.items()}),
        }
    )
    (folder / "results.json").write_text(scores.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return facts_of(scores)
