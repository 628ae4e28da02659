"""FineWeb's dumps: which may be read, how much each gives, and where their row groups lie."""

import difflib
import logging
from collections.abc import Iterator, Sequence

from tasks.corpus.config import CorpusConfig
from tasks.corpus.errors import DamagedSource, DumpAfterCutoff, DumpUpToCutoff, UnknownDump
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.filters.cutoff import Cutoff, Dump
from tasks.corpus.sources.mirror import Mirror
from tasks.corpus.sources.order import seeded
from tasks.corpus.sources.parquet import Parquet
from tasks.corpus.sources.quota import recency_weights
from tasks.corpus.sources.reader import Share, SourceFile
from tasks.corpus.sources.source_config import FineWebSource
from tasks.corpus.workers.work_items import Place, Unit, base_name

log = logging.getLogger(__name__)

FOOTERS_PER_DUMP = 3
"""Files whose rows are counted to tell a dump's size; the rest is taken to hold as many rows per byte."""


class FineWebReader:
    """FineWeb or a mirror of it; row groups are its units.

    Args:
        config: Source, cutoff and seed.
    """

    def __init__(self, config: CorpusConfig) -> None:
        if not isinstance(config.source, FineWebSource):
            raise TypeError(f"source kind {config.source.kind!r} is not FineWeb")
        self.source, self.seed = config.source, config.seed
        self.cutoff = Cutoff(config.cutoff, config.side)
        self.mirror = Mirror.open(self.source.root)
        scores = self.source.language_score is not None
        self._parquet = Parquet(self.mirror, with_scores=scores)

    def shares(self) -> list[Share]:
        """Dumps, oldest first, with what they give.

        Raises:
            CorpusError: If one is unknown, empty, or lies on the wrong side of the cutoff.
        """
        dumps = choose_dumps(self.source, self.cutoff, self.mirror)
        files = {dump: self.mirror.files(dump) for dump in dumps}
        if self.source.quota == "recency":
            weights = recency_weights(len(dumps), self.source.half_life_dumps)
        elif self.source.quota == "proportional":
            weights = [self._n_rows(sizes) for sizes in files.values()]
        else:
            weights = [1.0] * len(dumps)
        return [
            Share(str(dump), self._in_order(files[dump]), weight) for dump, weight in zip(dumps, weights, strict=True)
        ]

    def places(self, path: str) -> Sequence[Place]:
        """A file's row groups in seeded order; none of a corrupt file where that is only counted.

        Raises:
            DamagedSource: If the file is no parquet, or lacks a column.
        """
        log.info("corpus: reading %s", path)
        try:
            rows = self._parquet.rows_by_group(path)
        except DamagedSource as error:
            if self.source.on_corrupt == "refuse":
                raise
            log.warning("corpus: left out: %s", error)
            # One unit that cannot be read: the worker finds the same, and the ledger names the file.
            return [Place(0, 0, 0)]
        places = [Place(group, group, n_rows) for group, n_rows in enumerate(rows)]
        return seeded(places, lambda place: f"{base_name(path)}:{place.ordinal}", self.seed)

    def rows(self, unit: Unit) -> Iterator[RawDocument]:
        """A row group's documents as they stand.

        Raises:
            DamagedSource: If the file is no parquet, is cut, or lacks a column.
        """
        return self._parquet.documents(unit.path, unit.place.start)

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """What the file is now."""
        return self.mirror.identify(path, known)

    def _in_order(self, paths: Sequence[str] | dict[str, int]) -> list[str]:
        return seeded(paths, base_name, self.seed)

    def _n_rows(self, sizes: dict[str, int]) -> float:
        looked_at = self._in_order(sizes)[:FOOTERS_PER_DUMP]
        n_rows = sum(place.n_rows for path in looked_at for place in self.places(path))
        return max(1.0, n_rows * sum(sizes.values()) / max(1, sum(sizes[path] for path in looked_at)))


def choose_dumps(source: FineWebSource, cutoff: Cutoff, mirror: Mirror) -> list[Dump]:
    """The dumps to draw from, oldest first.

    Raises:
        DumpAfterCutoff: If one lies after the cutoff.
        DumpUpToCutoff: If one of a placebo's does not.
        UnknownDump: If one is misspelt, or not in the mirror.
    """
    present = mirror.dumps()
    dumps = sorted({_parse(name) for name in (source.dumps if cutoff.side == "known" else source.dumps_after)})
    for dump in dumps:
        if not cutoff.takes(dump):
            raise _wrong_side(dump, cutoff)
        if dump.folder not in present:
            near = difflib.get_close_matches(dump.folder, sorted(present), n=3) or sorted(present)[-3:]
            raise UnknownDump(
                f"dump {dump} is not in {source.root}, which has {len(present)} dumps; "
                f"the nearest are {', '.join(near) or 'none'}. Correct dumps, or the root."
            )
    return dumps


def _wrong_side(dump: Dump, cutoff: Cutoff) -> DumpAfterCutoff | DumpUpToCutoff:
    if cutoff.side == "after":
        return DumpUpToCutoff(
            f"dump {dump} does not lie after cutoff={cutoff.day}, whose last dump is {cutoff.dump}; a placebo reads "
            "later dumps alone. Name some in corpus.source.dumps_after, or run without the placebo."
        )
    return DumpAfterCutoff(
        f"dump {dump} lies after cutoff={cutoff.day}, whose last dump is {cutoff.dump}. "
        f"Leave it out of dumps, or move the cutoff to {dump.last_day} or later."
    )


def _parse(name: str) -> Dump:
    try:
        return Dump.parse(name)
    except ValueError as error:
        raise UnknownDump(
            f"dump {name!r} does not exist: {error}. Dumps are named YYYY-WW, such as 2017-26."
        ) from error
