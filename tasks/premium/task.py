"""The premium stage's Prefect task."""

import shutil

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.common.settings import state_dir
from tasks.premium.config import ARTIFACT_TYPE, PremiumConfig
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="premium", cache_policy=NO_CACHE)
def publish_premium(
    config: PremiumConfig,
    panel: ArtifactRef,
    base: ArtifactRef,
    trained: ArtifactRef,
    placebo: ArtifactRef | None = None,
) -> ArtifactRef:
    """Publish the leakage premium of a base and a trained model, unless the store has it already.

    Args:
        config: Contract, cut and draws.
        panel: The Panel that all models were embedded on.
        base: Embeddings of the base model.
        trained: Embeddings of the trained model.
        placebo: Embeddings of the model trained on text from after the cutoff, where there is one.

    Returns:
        Reference to PremiumScores.

    Raises:
        PremiumError: If the states do not fit the panel, or the panel cannot be scored.
    """
    from tasks.premium.build import write_premium

    inputs = {"panel": panel, "base": base, "trained": trained, **({"placebo": placebo} if placebo else {})}
    spec = ARTIFACT_TYPE.spec(config, inputs)
    # Chunks of draws that a killed run finished; useless once the scores are published.
    work_dir = state_dir() / "premium" / spec.key
    ref = build(open_store(), spec, lambda inputs, folder: write_premium(config, inputs, folder, work_dir))
    shutil.rmtree(work_dir, ignore_errors=True)
    return ref
