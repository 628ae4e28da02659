"""The preflight room's Prefect task."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.preflight.artifact import ARTIFACT_TYPE, missing_trainings
from tasks.recipe import Recipe
from tasks.schemas.artifacts import ModelFolder, Panel, TextShards
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store

if TYPE_CHECKING:
    from tasks.preflight.checks import Inputs


@task(name="preflight", cache_policy=NO_CACHE)
def publish_preflight(
    config: Recipe, base: ArtifactRef, corpus: ArtifactRef, panel: ArtifactRef, placebo: ArtifactRef | None = None
) -> ArtifactRef:
    """Publish the checks a recipe passed; where the store has them, ask again what may have changed since.

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
        from tasks.preflight.write import write_preflight

        return write_preflight(_fetched(config, inputs, store), folder)

    refs = {"base": base, "corpus": corpus, "panel": panel, **({"placebo": placebo} if placebo else {})}
    spec = ARTIFACT_TYPE.spec(config, refs)
    if store.find(spec):
        _ask_again(config, refs, store)
    return build(store, spec, make)


def _ask_again(config: Recipe, refs: Mapping[str, ArtifactRef], store: Store) -> None:
    from tasks.preflight.again import refuse_what_changed

    if missing := missing_trainings(config, refs, store):
        inputs = {name: store.fetch(ref) for name, ref in refs.items()}
        refuse_what_changed(_fetched(config, inputs, store), missing)


def _fetched(config: Recipe, inputs: Mapping[str, Path], store: Store) -> "Inputs":
    from tasks.preflight.checks import Inputs

    return Inputs(
        recipe=config,
        base=ModelFolder(inputs["base"]),
        corpus=TextShards(inputs["corpus"]),
        panel=Panel(inputs["panel"]),
        store=store,
        placebo=TextShards(inputs["placebo"]) if "placebo" in inputs else None,
    )
