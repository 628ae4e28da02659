"""The export stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.export.config import ARTIFACT_TYPE, ExportConfig
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="export", cache_policy=NO_CACHE)
def publish_export(config: ExportConfig, model: ArtifactRef) -> ArtifactRef:
    """Publish a model as a quantized GGUF file that is shown to be the same model, unless the store has it.

    Args:
        config: The file's name, what is asked of it, and the bounds of its gates.
        model: ModelFolder that was merged.

    Returns:
        Reference to an Exported.

    Raises:
        ExportError: If a gate fails, the model is flat, or its chat template is unknown.
        GgufError: If llama.cpp does not know the architecture, or fails.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.export.write import write_export

        return write_export(config, inputs["model"], folder)

    return build(open_store(), ARTIFACT_TYPE.spec(config, {"model": model}), make)
