"""The premium room's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.premium.config import ROOM, PremiumConfig
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="premium", cache_policy=NO_CACHE)
def publish_premium(config: PremiumConfig, panel: ArtifactRef, base: ArtifactRef, trained: ArtifactRef) -> ArtifactRef:
    """Publish the leakage premium of a base and a trained model, unless the store has it.

    Args:
        config: Contract, cut and draws.
        panel: The Panel both models were read on.
        base: Embeddings of the base model.
        trained: Embeddings of the trained model.

    Returns:
        Reference to PremiumScores.

    Raises:
        PremiumError: If the states do not fit the panel, or the panel cannot be scored.
    """
    from tasks.premium.build import write_premium

    plan = ROOM.plan(config, {"panel": panel, "base": base, "trained": trained})
    return build(open_store(), plan, lambda inputs, folder: write_premium(config, inputs, folder))
