"""The stage publishes TokenizedExamples whose facts are their counts."""

from tasks.align.config import AlignConfig
from tasks.align.task import publish_align
from tasks.base.config import ARTIFACT_TYPE as BASE
from tasks.base.config import BaseConfig, TinySource
from tasks.schemas.examples import TokenizedExamples
from tasks.store.refs import ArtifactSpec
from tasks.store.store import open_store
from tests.chat_fixtures import dense_base, small_mix


def test_the_examples_are_published_under_the_mixs_name() -> None:
    store, config = open_store(), AlignConfig(objective="preference")
    base = store.publish(BASE.spec(BaseConfig(source=TinySource())), dense_base().path, {}, 1)
    mix = store.publish(ArtifactSpec("mix", "forex", 1, config), small_mix().path, {}, 1)
    ref = publish_align.fn(config, base, mix)
    found = TokenizedExamples(store.fetch(ref))
    assert (ref.kind, ref.label) == ("align", "forex-preference")
    assert store.record(ref).facts == found.counts()
    assert len(found.rows()) == found.counts()["n_examples"] == 11
    assert publish_align.fn(config, base, mix) == ref
