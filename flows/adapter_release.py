"""The flow people trigger to train an adapter, fold it, export it and release it."""

from prefect import flow

from flows.pipelines.adapter_release import adapter_release_pipeline
from flows.runner.from_stage import MISSING, FromStage
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.runner.show import show
from tasks.adapter_release import AdapterRelease


@flow(name="adapter-release", flow_run_name="{recipe.name}", **FLOW_OPTIONS)
def adapter_release(recipe: AdapterRelease, from_stage: FromStage = MISSING) -> str:
    """Train a chat model on a panel's past, by examples and by preferences; export, evaluate and release it.

    Args:
        recipe: The base, the panel and its hold-out, the examples, both trainings, the export and its gates.
        from_stage: `missing` runs what the store lacks. A stage's name rebuilds that stage and all that is made from
            it, and refuses to start if anything before it has not run. Earlier artifacts are kept.
    """
    refs = run_pipeline(adapter_release_pipeline(recipe), from_stage)
    return show("Adapter release", recipe.name, refs["report"])
