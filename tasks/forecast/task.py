"""The forecast stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.forecast.config import ARTIFACT_TYPE, ForecastConfig
from tasks.forecast.errors import OtherPanel
from tasks.schemas.artifacts import ModelFolder, Panel
from tasks.schemas.examples import Mix
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="forecast", cache_policy=NO_CACHE)
def publish_forecast(config: ForecastConfig, model: ArtifactRef, mix: ArtifactRef, panel: ArtifactRef) -> ArtifactRef:
    """Publish what a language model answers to a mix's questions, unless the store has it.

    Args:
        config: Batching and limits.
        model: ModelFolder of a causal language model, base or merged.
        mix: The Mix with the questions.
        panel: The Panel whose rows the questions are about.

    Returns:
        Reference to Forecasts.

    Raises:
        ForecastError: If the mix is of another panel.
        UnusableQuestion: If a question cannot be put to the model.
    """
    store = open_store()

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.forecast.write import write_forecast

        own = store.record(mix).inputs.get("panel")
        if own is not None and own.digest != panel.digest:
            raise OtherPanel(
                f"the mix {mix.path} was made from panel {own.path}, digest {own.digest[:12]}; this one is "
                f"{panel.path}, {panel.digest[:12]}: its rows are others. Name the mix's panel, or make the mix anew."
            )
        folders = ModelFolder(inputs["model"]), Mix(inputs["mix"]), Panel(inputs["panel"])
        return write_forecast(config, *folders, folder)

    return build(store, ARTIFACT_TYPE.spec(config, {"model": model, "mix": mix, "panel": panel}), make)
