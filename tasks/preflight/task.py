"""The preflight room's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.artifacts import ModelFolder, Panel, TextShards
from tasks.preflight.room import ROOM
from tasks.recipe import Recipe
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="preflight", cache_policy=NO_CACHE)
def publish_preflight(
    config: Recipe, base: ArtifactRef, corpus: ArtifactRef, panel: ArtifactRef, placebo: ArtifactRef | None = None
) -> ArtifactRef:
    """Publish the checks a recipe passed, unless the store has them.

    Args:
        config: The whole recipe.
        base: The base model.
        corpus: The corpus.
        panel: The panel.
        placebo: The corpus from after the cutoff, where the recipe asks for one.

    Returns:
        Reference to a Preflight.

    Raises:
        PreflightFailed: With every failed check's sentence.
    """
    store = open_store()

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.preflight.checks import Inputs
        from tasks.preflight.write import write_preflight

        fetched = Inputs(
            recipe=config,
            base=ModelFolder(inputs["base"]),
            corpus=TextShards(inputs["corpus"]),
            panel=Panel(inputs["panel"]),
            store=store,
            placebo=TextShards(inputs["placebo"]) if "placebo" in inputs else None,
        )
        return write_preflight(fetched, folder)

    refs = {"base": base, "corpus": corpus, "panel": panel, **({"placebo": placebo} if placebo else {})}
    return build(store, ROOM.plan(config, refs), make)
