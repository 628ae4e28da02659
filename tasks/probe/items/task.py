"""The probe_items stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.probe.items.config import ARTIFACT_TYPE, ProbeItemsConfig
from tasks.schemas.artifacts import Panel, TextShards
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="probe_items", cache_policy=NO_CACHE)
def publish_probe_items(
    config: ProbeItemsConfig,
    panel: ArtifactRef,
    documents: ArtifactRef | None = None,
    corpus: ArtifactRef | None = None,
    placebo: ArtifactRef | None = None,
) -> ArtifactRef:
    """Publish what the models of a run are asked, unless the store has it.

    Args:
        config: Documents, facts and questions.
        panel: The panel whose rows are asked about.
        documents: A corpus with documents from before and after the cutoffs.
        corpus: The corpus that is trained on; only what it holds out for validation is scored.
        placebo: The same of the placebo.

    Returns:
        Reference to ProbeItems.

    Raises:
        ProbeError: If there is nothing to ask, or the documents are on one side of every cutoff.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.probe.items.write import write_items

        sources, trained = (
            [TextShards(inputs[name]) for name in names if name in inputs]
            for names in (("documents",), ("corpus", "placebo"))
        )
        return write_items(config, Panel(inputs["panel"]), sources, trained, folder)

    named = {"panel": panel, "documents": documents, "corpus": corpus, "placebo": placebo}
    refs = {name: ref for name, ref in named.items() if ref}
    return build(open_store(), ARTIFACT_TYPE.spec(config, refs), make)
