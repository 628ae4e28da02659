"""The premium stage's Prefect task."""

import shutil

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.common.settings import state_dir
from tasks.premium.config import ARTIFACT_TYPE, PremiumConfig
from tasks.schemas.scores import ModelName
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="premium", cache_policy=NO_CACHE)
def publish_premium(config: PremiumConfig, panel: ArtifactRef, models: dict[ModelName, ArtifactRef]) -> ArtifactRef:
    """Publish the leakage premium of any number of models on the same draws, unless the store has it already.

    Args:
        config: Contract, cut and draws.
        panel: The Panel that all models were embedded on.
        models: Embeddings of each model by its name; leakage-premium names them `base`, `trained` and `placebo`.

    Returns:
        Reference to PremiumScores.

    Raises:
        PremiumError: If the states do not fit the panel.
        SamplingError: If the panel cannot be split, and so not be scored.
    """
    from tasks.premium.build import write_premium

    spec = ARTIFACT_TYPE.spec(config, {"panel": panel, **models})
    # Chunks of draws that a killed run finished; useless once the scores are published.
    work_dir = state_dir() / "premium" / spec.key
    ref = build(open_store(), spec, lambda inputs, folder: write_premium(config, inputs, folder, work_dir))
    shutil.rmtree(work_dir, ignore_errors=True)
    return ref
