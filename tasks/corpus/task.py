"""The corpus room's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.corpus.config import ROOM, CorpusConfig
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="corpus", cache_policy=NO_CACHE)
def publish_corpus(config: CorpusConfig) -> ArtifactRef:
    """Publish the corpus, unless the store has it.

    Args:
        config: Source, cutoff, budget and tokenizer.

    Returns:
        Reference to TextShards.
    """
    from tasks.corpus.write import write_corpus

    return build(open_store(), ROOM.plan(config), lambda inputs, folder: write_corpus(config, folder))
