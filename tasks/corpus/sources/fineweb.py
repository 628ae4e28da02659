"""FineWeb's dumps: which may be read, their weights, and their row groups in seeded order."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Sequence

from tasks.common.seeded import seeded_order
from tasks.corpus.config import CorpusConfig, FineWebSource
from tasks.corpus.errors import DamagedSource, DumpAfterCutoff, DumpUpToCutoff, UnknownDump
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.filters.cutoff import Cutoff, Dump
from tasks.corpus.sources.mirror import Mirror
from tasks.corpus.sources.parquet import ParquetFiles
from tasks.corpus.sources.reader import RowGroup, SourceFile, SourceGroup, base_name, seeded_row_groups

log = logging.getLogger(__name__)

FOOTERS_PER_DUMP = 3
"""Files whose rows are counted to estimate a dump's size, assuming as many rows per byte in the others."""


class FineWebReader:
    """FineWeb or a mirror of it; of the config, source, cutoff and seed are used."""

    def __init__(self, config: CorpusConfig) -> None:
        if not isinstance(config.source, FineWebSource):
            raise TypeError(f"source kind {config.source.kind!r} is not FineWeb")
        self.source, self.seed = config.source, config.seed
        self.cutoff = Cutoff(config.cutoff, config.side)
        self.mirror = Mirror(self.source.root)
        self._parquet = ParquetFiles(self.mirror, with_scores=self.source.language_score is not None)

    def groups(self) -> list[SourceGroup]:
        """Dumps, oldest first.

        Raises:
            CorpusError: If one is unknown, empty, or on the wrong side of the cutoff.
        """
        dumps = choose_dumps(self.source, self.cutoff, self.mirror)
        files = {dump: self.mirror.files(dump) for dump in dumps}
        if self.source.quota == "recency":
            weights = recency_weights(len(dumps), self.source.half_life_dumps)
        elif self.source.quota == "proportional":
            weights = [self._estimate_rows(sizes) for sizes in files.values()]
        else:
            weights = [1.0] * len(dumps)
        return [
            SourceGroup(str(dump), self._in_order(files[dump]), weight)
            for dump, weight in zip(dumps, weights, strict=True)
        ]

    def row_groups(self, path: str) -> Sequence[RowGroup]:
        """A file's row groups in seeded order.

        Raises:
            DamagedSource: If the file is not parquet or lacks a column, unless such files are only counted.
        """
        log.info("corpus: reading %s", path)
        try:
            n_rows_by_group = self._parquet.rows_by_group(path)
        except DamagedSource as error:
            if self.source.on_corrupt == "refuse":
                raise
            log.warning("corpus: left out: %s", error)
            # One unreadable row group: the worker finds the same error, and the ledger names the file.
            return [RowGroup(0, 0, 0)]
        row_groups = [RowGroup(number, number, n_rows) for number, n_rows in enumerate(n_rows_by_group)]
        return seeded_row_groups(row_groups, path, self.seed)

    def documents(self, path: str, row_group: RowGroup) -> Iterator[RawDocument]:
        """A row group's documents.

        Raises:
            DamagedSource: If the file is not parquet, is cut, or lacks a column.
        """
        return self._parquet.documents(path, row_group.start)

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """The file's current size and digest."""
        return self.mirror.identify(path, known)

    def _in_order(self, paths: Iterable[str]) -> list[str]:
        return seeded_order(paths, base_name, self.seed)

    def _estimate_rows(self, sizes: dict[str, int]) -> float:
        sample = self._in_order(sizes)[:FOOTERS_PER_DUMP]
        n_rows = sum(row_group.n_rows for path in sample for row_group in self.row_groups(path))
        return max(1.0, n_rows * sum(sizes.values()) / max(1, sum(sizes[path] for path in sample)))


def recency_weights(n_dumps: int, half_life_dumps: float) -> list[float]:
    """Weights of dumps, oldest first; the last one weighs 1."""
    return [0.5 ** ((n_dumps - 1 - index) / half_life_dumps) for index in range(n_dumps)]


def choose_dumps(source: FineWebSource, cutoff: Cutoff, mirror: Mirror) -> list[Dump]:
    """The configured dumps, oldest first.

    Raises:
        DumpAfterCutoff: If one is after the cutoff.
        DumpUpToCutoff: If one of a placebo's is not.
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
            f"dump {dump} is not after cutoff={cutoff.day}, whose last dump is {cutoff.dump}; a placebo reads later "
            "dumps only. Name some in corpus.source.dumps_after, or run without the placebo."
        )
    return DumpAfterCutoff(
        f"dump {dump} is after cutoff={cutoff.day}, whose last dump is {cutoff.dump}. "
        f"Leave it out of dumps, or move the cutoff to {dump.last_day} or later."
    )


def _parse(name: str) -> Dump:
    try:
        return Dump.parse(name)
    except ValueError as error:
        raise UnknownDump(
            f"dump {name!r} does not exist: {error}. Dumps are named YYYY-WW, such as 2017-26."
        ) from error
