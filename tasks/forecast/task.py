"""The forecast stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.forecast.config import ARTIFACT_TYPE, ForecastConfig
from tasks.forecast.errors import OtherPanel
from tasks.forward.errors import UnusableAdapter
from tasks.schemas.artifacts import Checkpoint, ModelFolder, Panel
from tasks.schemas.examples import Mix
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="forecast", cache_policy=NO_CACHE)
def publish_forecast(
    config: ForecastConfig, model: ArtifactRef, mix: ArtifactRef, panel: ArtifactRef, adapter: ArtifactRef | None = None
) -> ArtifactRef:
    """Publish what a language model answers to a mix's questions, unless the store has it.

    Args:
        config: Batching and limits.
        model: ModelFolder of a causal language model, base or merged.
        mix: The Mix with the questions.
        panel: The Panel whose rows the questions are about.
        adapter: Checkpoint of an adapter on the model, that answers with it as the server does; by default none.

    Returns:
        Reference to Forecasts.

    Raises:
        ForecastError: If the mix is of another panel.
        UnusableQuestion: If a question cannot be put to the model.
        UnusableAdapter: If the adapter is of another model, or damaged.
    """
    store = open_store()
    inputs_of = {"model": model, "mix": mix, "panel": panel} | ({"adapter": adapter} if adapter else {})

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.forecast.write import write_forecast

        own = store.record(mix).inputs.get("panel")
        if own is not None and own.digest != panel.digest:
            raise OtherPanel(
                f"the mix {mix.path} was made from panel {own.path}, digest {own.digest[:12]}; this one is "
                f"{panel.path}, {panel.digest[:12]}: its rows are others. Name the mix's panel, or make the mix anew."
            )
        folders = ModelFolder(inputs["model"]), Mix(inputs["mix"]), Panel(inputs["panel"])
        if adapter and (base := store.record(adapter).inputs["base"]).digest != model.digest:
            raise UnusableAdapter(
                f"{adapter.path} is an adapter of {base.path}, and not of {model.path}; name its base."
            )
        on_it = Checkpoint(inputs["adapter"]).adapter_dir if adapter else None
        return write_forecast(config, *folders, folder, on_it)

    return build(store, ARTIFACT_TYPE.spec(config, inputs_of), make)
