"""FineWeb's layout, `data/CC-MAIN-YYYY-WW/*.parquet`, read by row group from the hub, S3 or a folder."""

import difflib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.corpus.clip import RawDocument
from tasks.corpus.config import FineWebSource
from tasks.corpus.cutoff import Cutoff, Dump
from tasks.corpus.errors import DamagedSource, DumpAfterCutoff, DumpUpToCutoff, SourceUnreachable, UnknownDump
from tasks.corpus.order import seeded

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

log = logging.getLogger(__name__)

COLUMNS = ["id", "date", "text"]
BATCH_ROWS = 256


@dataclass(frozen=True)
class Mirror:
    """A place with FineWeb's layout.

    Args:
        filesystem: fsspec's.
        root: Path of the data set in it.
    """

    filesystem: Any
    root: str

    @classmethod
    def open(cls, root: str) -> "Mirror":
        """Open `hf://`, `s3://`, `file://` or a folder."""
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(root)
        return cls(filesystem, path.rstrip("/"))

    def dumps(self) -> set[str]:
        """Names of the dumps it has, as in `CC-MAIN-2017-26`.

        Raises:
            SourceUnreachable: If the hub or the bucket does not answer.
        """
        import httpx

        try:
            return {
                path.rstrip("/").rsplit("/", 1)[1] for path in self.filesystem.ls(f"{self.root}/data", detail=False)
            }
        except FileNotFoundError:
            return set()
        except (OSError, httpx.HTTPError) as error:
            raise SourceUnreachable(
                f"{self.root} cannot be listed: {type(error).__name__}: {str(error)[:200]}. Check the network, or name "
                "a mirror in corpus.source.root."
            ) from error

    def files(self, dump: Dump) -> list[str]:
        """A dump's parquet files in name order."""
        return sorted(self.filesystem.glob(f"{self.root}/data/{dump.folder}/*.parquet"))


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


def read_dump(mirror: Mirror, dump: Dump, seed: int) -> Iterator[RawDocument]:
    """A dump's documents: files in seeded order, row groups in seeded order, rows as they stand.

    Raises:
        DamagedSource: If a file is no parquet, is cut, or lacks a column.
    """
    for path in seeded(mirror.files(dump), lambda path: path.rsplit("/", 1)[1], seed):
        log.info("corpus: reading %s", path)
        yield from _read_file(mirror, path, seed)


def _read_file(mirror: Mirror, path: str, seed: int) -> Iterator[RawDocument]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with mirror.filesystem.open(path, "rb") as stream, ParquetFile(stream) as file:
            if missing := [column for column in COLUMNS if column not in file.schema_arrow.names]:
                raise DamagedSource(f"{path} has no column {missing[0]!r}; FineWeb's id, date and text are needed.")
            yield from _read_rows(file, path, seed)
    except (pa.ArrowException, EOFError) as error:
        raise DamagedSource(
            f"{path} cannot be read as parquet: {str(error).splitlines()[0][:200]} "
            "Fetch the file again, or leave its dump out."
        ) from error


def _read_rows(file: "ParquetFile", path: str, seed: int) -> Iterator[RawDocument]:
    name = path.rsplit("/", 1)[1]
    for group in seeded(range(file.num_row_groups), lambda group: f"{name}:{group}", seed):
        # iter_batches, not a dataset scan: the scan's threads may outlive the interpreter.
        for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=COLUMNS, use_threads=False):
            for row in batch.to_pylist():
                yield RawDocument(id=row["id"] or "", date=row["date"] or "", text=row["text"] or "")


def _parse(name: str) -> Dump:
    try:
        return Dump.parse(name)
    except ValueError as error:
        raise UnknownDump(
            f"dump {name!r} does not exist: {error}. Dumps are named YYYY-WW, such as 2017-26."
        ) from error
